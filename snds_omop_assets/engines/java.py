"""Is there a Java that Spark can start on? Needs the standard library only: `make` asks before it installs anything."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from snds_omop_assets.errors import EngineError

JAVA_MINIMUM = 17
"""Spark 4 runs on Java 17 and later (Spark documentation, 4.0 release notes)."""

INSTALL_JAVA = (
    f"Install Java {JAVA_MINIMUM} (Debian: apt install openjdk-17-jre-headless; macOS: brew install openjdk@17) "
    "and set JAVA_HOME if java is not on the PATH."
)


def require_java() -> None:
    """Make sure that Spark can start, or say what to install.

    Raises:
        EngineError: there is no Java, or it is too old.
    """
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if java is None or not Path(java).exists():
        raise EngineError(f"Spark needs Java and none was found. {INSTALL_JAVA}")
    answer = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
    found = re.search(r'version "(?:1\.)?(\d+)', answer.stderr + answer.stdout)
    if found is None:
        raise EngineError(f"Spark needs Java and `java -version` gave no version. {INSTALL_JAVA}")
    if int(found.group(1)) < JAVA_MINIMUM:
        raise EngineError(f"Spark needs Java {JAVA_MINIMUM} or later and this is Java {found.group(1)}. {INSTALL_JAVA}")


if __name__ == "__main__":
    try:
        require_java()
    except EngineError as error:
        sys.exit(str(error))
