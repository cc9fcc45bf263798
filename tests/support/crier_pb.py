"""The messages of common/crier.proto for Python, generated when they are needed: no generated code lies in the tree."""
import pathlib
import subprocess
import sys
import tempfile

COMMON = pathlib.Path(__file__).resolve().parents[2] / "common"


def load():
    """The module that protoc makes of crier.proto."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["protoc", f"--python_out={folder}", f"-I{COMMON}", COMMON / "crier.proto"], check=True)
        sys.path.insert(0, folder)
        try:
            import crier_pb2
        finally:
            sys.path.remove(folder)
    return crier_pb2
