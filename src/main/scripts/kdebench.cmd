@echo off
rem Starts kdebench on a JDK 21 or newer: KDEBENCH_JAVA_HOME, then the folder runtime beside bin, then JAVA_HOME, then
rem java on the PATH, then the usual folders, newest first. Versions are read from each JDK's release file. KDEBENCH_OPTS holds further
rem VM options.
setlocal EnableExtensions DisableDelayedExpansion
set "LEAST=21"
set "FOUND="
set "NEWEST=0"

if not defined KDEBENCH_JAVA_HOME goto java_home
call :inspect "%KDEBENCH_JAVA_HOME%"
if %VERSION% GEQ %LEAST% (
    set "FOUND=%KDEBENCH_JAVA_HOME%"
    goto start
)
if %VERSION% EQU 0 (
    echo kdebench: KDEBENCH_JAVA_HOME is "%KDEBENCH_JAVA_HOME%", where there is no working bin\java.exe; point it to a JDK %LEAST% or newer. 1>&2
) else (
    echo kdebench: KDEBENCH_JAVA_HOME is "%KDEBENCH_JAVA_HOME%", which is Java %VERSION%; point it to a JDK %LEAST% or newer. 1>&2
)
exit /b 1

:java_home
call :consider "%~dp0..\runtime"
if defined FOUND goto start
if defined JAVA_HOME call :consider "%JAVA_HOME%"
if defined FOUND goto start
for %%J in (java.exe) do if not "%%~$PATH:J"=="" call :consider "%%~dp$PATH:J.."
if defined FOUND goto start
for /d %%D in (
    "%ProgramFiles%\Java\*"
    "%ProgramFiles%\Eclipse Adoptium\*"
    "%ProgramFiles%\Microsoft\jdk*"
    "%ProgramFiles%\Amazon Corretto\*"
    "%ProgramFiles%\Zulu\*"
    "%ProgramFiles%\BellSoft\*"
    "%USERPROFILE%\.jdks\*"
    "%USERPROFILE%\scoop\apps\*jdk*"
) do (
    call :consider "%%~D"
    call :consider "%%~D\current"
)
if defined FOUND goto start
echo kdebench: no JDK %LEAST% or newer found; install one (for example from https://adoptium.net) or set KDEBENCH_JAVA_HOME to its folder. 1>&2
exit /b 1

:start
set "HERE=%~dp0.."
set "CLASS_PATH=%HERE%\lib\*"
if exist "%HERE%\peers\" set "CLASS_PATH=%CLASS_PATH%;%HERE%\peers\*"
rem A small young generation keeps the process small; whoever sizes the heap is left to it.
set "HEAP=-XX:+UseSerialGC -Xmn32m"
echo " %KDEBENCH_OPTS% %JAVA_TOOL_OPTIONS% %JDK_JAVA_OPTIONS%" | findstr /c:"GC" /c:" -Xm" /c:"HeapSize" /c:"RAMPercentage" >nul && set "HEAP="
"%FOUND%\bin\java.exe" --add-modules jdk.incubator.vector --enable-native-access=ALL-UNNAMED -Djava.awt.headless=true %HEAP% %KDEBENCH_OPTS% -cp "%CLASS_PATH%" dev.kdeformer.cli.Main %*
exit /b %ERRORLEVEL%

rem Keeps the folder if its Java is new enough and newer than the one kept so far.
:consider
call :inspect "%~1"
if %VERSION% LSS %LEAST% exit /b 0
if %VERSION% LEQ %NEWEST% exit /b 0
set "NEWEST=%VERSION%"
set "FOUND=%~1"
exit /b 0

rem Sets VERSION to the feature version of the Java in the folder, 0 where there is none or it cannot be told.
:inspect
set "VERSION=0"
if not exist "%~1\bin\java.exe" exit /b 0
if not exist "%~1\release" exit /b 0
for /f "usebackq tokens=2 delims==" %%V in (`findstr /b /c:"JAVA_VERSION=" "%~1\release"`) do for /f "delims=.+-" %%M in ("%%~V") do set /a "VERSION=%%M" 2>nul
exit /b 0
