"""The main job before the user's eyes: see scripts/run."""
import argparse
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

from rig import CHANNELS, ROOT, Rig, RigError

CHINESE = any(os.environ.get(name, "").startswith("zh") for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
DRILL_VARIABLES = {"place": "各镇（街道）文化广场", "time": "5月12日上午10时"}


def say(english, chinese):
    print(chinese if CHINESE else english, flush=True)


def people(text):
    number = int(text)
    if not 1 <= number <= 10_000_000:
        raise argparse.ArgumentTypeError("must be 1 to 10,000,000")
    return number


def options():
    parser = argparse.ArgumentParser(prog="scripts/run")
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--people", type=people, default=20000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sms", choices=("smpp", "cmpp", "http"), default="smpp")
    parser.add_argument("--state", type=pathlib.Path)
    parser.add_argument("--keep", action="store_true")
    return parser.parse_args()


def load_county(rig, people, seed):
    county = rig.state / "county.csv"
    subprocess.run([ROOT / "scripts/make-county", "--people", str(people), "--seed", str(seed), "--output", county], check=True)
    result = rig.ctl_json("operator", "recipients", "import", county)
    say(f"  {result['recipients']} recipients in {result['duration_ms'] / 1000:.2f} s",
        f"  共 {result['recipients']} 人，用时 {result['duration_ms'] / 1000:.2f} 秒")
    for template in sorted((ROOT / "config/templates").glob("*.json")):
        rig.ctl("planner", "template", "put", template)


def send_drill(rig):
    variables = [word for pair in DRILL_VARIABLES.items() for word in ("--var", "=".join(pair))]
    draft = rig.ctl_json("planner", "broadcast", "draft", "--template", "fzr-day", "--to", "all", "--channels",
                         ",".join(CHANNELS), "--lane", "urgent", "--expires", "+2h", "--drill", *variables)
    rig.ctl("approver", "approve", draft["id"])
    rig.ctl("planner", "send", draft["id"])
    return draft["id"]


def watch(rig, broadcast):
    """crierctl draws the bars itself; its exit code is the drill's."""
    command = [rig.bin / "crierctl", "--as", "operator", "watch", broadcast]
    return subprocess.run(command, env={**os.environ, **rig.env()}).returncode


def counts_add_up(rig, broadcast):
    """Every channel: the classes add up to the audience, and nothing is left undecided."""
    state = rig.ctl_json("operator", "status", broadcast)
    for channel in CHANNELS:
        counts = state["counts"][channel]
        settled = sum(counts[name] for name in ("delivered", "failed", "suppressed", "expired", "cancelled"))
        if counts["total"] != state["audience"] or settled + counts["unknown"] != counts["total"]:
            say(f"{channel}: the counts do not add up: {json.dumps(counts)}", f"{channel}：数目不符：{json.dumps(counts)}")
            return False
    return state["state"] == "finished"


def link_env(rig):
    """build/run is the newest run's state folder, so that `. build/run/env` works in a second terminal."""
    link = ROOT / "build/run"
    try:
        link.unlink(missing_ok=True)
        link.symlink_to(rig.state)
    except OSError:
        pass


def unlink_env(rig):
    link = ROOT / "build/run"
    if link.is_symlink() and os.readlink(link) == str(rig.state):
        link.unlink()


def stay(rig):
    say(f"\nThe inbox of every resident: {rig.sandbox_url()}/\nThe API:                     {rig.url()}\n"
        f"In a second terminal:        . {rig.state}/env && crierctl --as operator queue\nCtrl-C stops everything that was started here.",
        f"\n居民收件箱：{rig.sandbox_url()}/\nAPI：       {rig.url()}\n"
        f"另开一个终端：. {rig.state}/env && crierctl --as operator queue\n按 Ctrl-C 停止这里启动的全部进程。")
    while True:
        for name, process in rig.processes.items():
            if not process.running():
                raise RigError(f"{name} ended by itself:\n{process.tail()}")
        time.sleep(0.5)


def run(rig, opts):
    say("Starting Redis, crierd, the workers and the sandbox ...", "正在启动 Redis、crierd、各渠道 worker 与沙箱……")
    rig.start(real=True)
    link_env(rig)
    rig.add_users()
    say(f"Loading a synthetic county of {opts.people} ...", f"正在载入 {opts.people} 人的合成县域……")
    load_county(rig, opts.people, opts.seed)
    say("Drill: Disaster Prevention Day, everybody, SMS + WeChat + e-mail", "演练：全国防灾减灾日，面向全县，短信＋微信＋邮件")
    broadcast = send_drill(rig)
    code = watch(rig, broadcast)
    if code == 0 and not counts_add_up(rig, broadcast):
        code = 1
    if not opts.once:
        try:
            stay(rig)
        except KeyboardInterrupt:
            pass
    return code


def on_signal(number, frame):
    raise KeyboardInterrupt


def stop(rig):
    """Whatever comes in the meantime: nothing that was started here stays behind."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    if rig:
        unlink_env(rig)
        rig.stop()


def main():
    opts = options()
    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGHUP, on_signal)
    rig, code = None, 1
    try:
        rig = Rig(opts.state, keep=opts.keep, sms=opts.sms)
        code = run(rig, opts)
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:  # nobody reads any more; Python itself would complain of it at the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (RigError, OSError, subprocess.CalledProcessError) as why:
        print(f"scripts/run: {why}", file=sys.stderr)
    finally:
        stop(rig)
    return code


if __name__ == "__main__":
    sys.exit(main())
