"""Celery drains `count` jobs that are all enqueued; one line of JSON says how fast. usage: celery_drain.py SOCKET COUNT"""
import json
import sys
import time

from celery import Celery, signals

APP = Celery("crier_bench", broker=f"redis+socket://{sys.argv[1]}")
COUNT = int(sys.argv[2])
APP.conf.update(task_ignore_result=True, task_acks_late=True, worker_prefetch_multiplier=64, worker_redirect_stdouts=False,
                broker_connection_retry_on_startup=True, worker_send_task_events=False)
DONE = {"left": COUNT, "start": None}


@APP.task(name="send")
def send(rank, phone, name):
    if DONE["start"] is None:
        DONE["start"] = time.monotonic()


@signals.task_postrun.connect
def count(**_):
    DONE["left"] -= 1
    if DONE["left"] == 0:
        print(json.dumps({"metric": "drain_per_s", "value": COUNT / (time.monotonic() - DONE["start"])}), flush=True)
        APP.control.shutdown()


def main():
    with APP.producer_pool.acquire(block=True) as producer:
        for rank in range(COUNT):
            send.apply_async((rank, f"199{rank:08d}", "王小明"), producer=producer)
    APP.worker_main(["--quiet", "worker", "--pool=solo", "--loglevel=ERROR", "--without-gossip", "--without-mingle", "--without-heartbeat"])


if __name__ == "__main__":
    main()
