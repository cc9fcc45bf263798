// BullMQ drains `count` jobs that are all enqueued; one line of JSON says how fast. usage: node drain.js SOCKET COUNT
'use strict';
const { Queue, Worker } = require('bullmq');
const Redis = require('ioredis');

const [path, count] = [process.argv[2], Number(process.argv[3])];
const CONCURRENCY = 200; // the fastest of 50, 100, 200, 500, 1000; a second worker process made it slower
const BULK = 1000;
const connect = () => new Redis({ path, maxRetriesPerRequest: null });

async function enqueue(queue) {
    for (let from = 0; from < count; from += BULK) {
        const jobs = Array.from({ length: Math.min(BULK, count - from) }, (_, i) =>
            ({ name: 'sms', data: { rank: from + i }, opts: { removeOnComplete: true } }));
        await queue.addBulk(jobs);
    }
}

async function drain(name) {
    let left = count;
    const worker = new Worker(name, async () => null, { connection: connect(), concurrency: CONCURRENCY, autorun: false });
    const done = new Promise((resolve) => worker.on('completed', () => --left === 0 && resolve()));
    await worker.waitUntilReady();
    const start = process.hrtime.bigint();
    worker.run();
    await done;
    const seconds = Number(process.hrtime.bigint() - start) / 1e9;
    await worker.close();
    return count / seconds;
}

async function main() {
    const queue = new Queue('sends', { connection: connect() });
    await enqueue(queue);
    console.log(JSON.stringify({ metric: "drain_per_s", value: await drain("sends") }));
    process.exit(0);
}
main();
