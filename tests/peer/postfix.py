"""A Postfix of its own in a folder: takes every domain, has mailboxes for some, and bounces the rest."""
import pathlib
import re
import socket
import subprocess

from rig import wait_until

MAIN = """compatibility_level = 3.6
queue_directory = {here}/spool
data_directory = {here}/data
maillog_file = {here}/log/mail
maillog_file_prefixes = {here}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = relay.test
mydestination =
alias_maps =
local_recipient_maps =
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_reject_unlisted_recipient = no
default_transport = error:nothing leaves this machine
virtual_mailbox_domains = regexp:{here}/conf/domains
virtual_mailbox_maps = regexp:{here}/conf/boxes
virtual_mailbox_base = {here}/boxes
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
virtual_mailbox_limit = 0
"""


class Postfix:
    """`boxes`: regular expression of addresses to a folder of `self.boxes`, a Maildir each."""

    def __init__(self, here, boxes):
        self.here, self.conf, self.boxes = here, here / "conf", here / "boxes"
        for folder in ("", "conf", "spool", "data", "log", "boxes"):
            (here / folder).mkdir(mode=0o755)
        subprocess.run(["chown", "postfix", here / "data"], check=True)
        for box in boxes.values():
            for folder in ("new", "cur", "tmp"):
                (self.boxes / box / folder).mkdir(parents=True)
        subprocess.run(["chown", "-R", "nobody", self.boxes], check=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        (self.conf / "main.cf").write_text(MAIN.format(here=here))
        (self.conf / "master.cf").write_text(self._services())
        (self.conf / "domains").write_text("/./ OK\n")
        (self.conf / "boxes").write_text("".join(f"/{pattern}/ {folder}/\n" for pattern, folder in boxes.items()))
        self.child = subprocess.Popen(["/usr/sbin/postfix", "-c", self.conf, "start-fg"], stdout=subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL, start_new_session=True)
        wait_until(self._answers, f"Postfix in {here} to answer")

    def _services(self):
        """Debian's, without chroot, on our port."""
        lines = pathlib.Path("/etc/postfix/master.cf.proto").read_text(encoding="utf-8").splitlines()
        services = [re.sub(r"^smtp(?=\s+inet)", f"127.0.0.1:{self.port}", line) for line in lines if not line.startswith(("#", " -o"))]
        return "\n".join(re.sub(r"^((?:\S+\s+){4})\S+", r"\1n", line) if re.match(r"\S", line) else line for line in services) + "\n"

    def _answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                return connection.recv(3) == b"220"
        except OSError:
            return False

    def mails(self, folder):
        return [path for part in ("new", "cur") for path in (self.boxes / folder / part).iterdir()]

    def stop(self):
        self.child.terminate()
        self.child.wait()
