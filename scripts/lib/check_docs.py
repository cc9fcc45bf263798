"""Fails when a document has fallen behind the programs: options, man pages, metrics, links."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SERVICES = {"crierd": 8, "crier-sms": 8, "crier-wechat": 8, "crier-mail": 8, "crier-sandbox": 1}
problems = []


def reference(program, bin_dir):
    """Markdown rows `| key | ... |` as the program itself prints them."""
    return subprocess.run([bin_dir / program, "--config-reference"], capture_output=True, text=True, check=True).stdout


def check_service(program, section, bin_dir, document):
    rows = reference(program, bin_dir)
    if rows.strip() not in document:
        problems.append(f"docs/config-reference.md: the table of {program} is stale (scripts/lib/check_docs.py --write)")
    sample = (ROOT / f"config/{program}.cfg").read_text()
    for key in re.findall(r"^\| `([a-z0-9_.]+)`", rows, re.M):
        leaf = key.rpartition(".")[2]
        if not re.search(rf"\b{leaf}\s*=", sample):
            problems.append(f"config/{program}.cfg does not show {key}")
    checked = subprocess.run([bin_dir / program, "-c", ROOT / f"config/{program}.cfg", "--check-config"], capture_output=True, text=True)
    if checked.returncode != 0:
        problems.append(f"config/{program}.cfg is refused: {checked.stderr.strip()}")
    if not (ROOT / f"docs/man/{program}.{section}").exists():
        problems.append(f"docs/man/{program}.{section} is missing")


def write(bin_dir):
    parts = ["# Configuration reference\n", "Made by `scripts/lib/check_docs.py --write` from the programs' own option tables; `scripts/check` refuses a stale copy.\n"]
    parts += [f"## {program}\n\n{reference(program, bin_dir).strip()}\n" for program in SERVICES]
    (ROOT / "docs/config-reference.md").write_text("\n".join(parts))


def check_links():
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text()):
            if "://" not in target and not (page.parent / target).exists():
                problems.append(f"{page.relative_to(ROOT)}: no such file: {target}")


def check_operations():
    """Every log event and every metric of the code stands in docs/operations.md."""
    page = (ROOT / "docs/operations.md").read_text()
    for folder in ("common", "daemon", "workers", "sandbox"):
        for source in (ROOT / folder).rglob("*.c"):
            for event in re.findall(r'cr_log\(\s*CR_LOG_\w+,\s*"(\w+)"', source.read_text()):
                if f"`{event}`" not in page:
                    problems.append(f"docs/operations.md does not name the event {event} of {source.relative_to(ROOT)}")
    for metric in re.findall(r'"(crier_\w+)"', (ROOT / "daemon/metrics.def").read_text()):
        if f"`{metric}`" not in page:
            problems.append(f"docs/operations.md does not name the metric {metric}")


def main():
    bin_dir = ROOT / sys.argv[1]
    if "--write" in sys.argv:
        write(bin_dir)
    document = (ROOT / "docs/config-reference.md").read_text()
    for program, section in SERVICES.items():
        check_service(program, section, bin_dir, document)
    if not (ROOT / "docs/man/crierctl.1").exists():
        problems.append("docs/man/crierctl.1 is missing")
    check_links()
    check_operations()
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
