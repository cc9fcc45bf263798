// BullMQ: an urgent job again and again, added before a backlog that never empties; rows of JSON say how long each took to reach
// the worker, a process of its own. A job without a priority goes before all that have one.
// usage: node urgent.js SOCKET BACKLOG SHOTS SLOT_MS
'use strict';
const { fork } = require('child_process');
const { Queue, Worker } = require('bullmq');
const Redis = require('ioredis');

const [path, backlog, shots, slotMs] = [process.argv[2], ...process.argv.slice(3, 6).map(Number)];
const BULK = 1000;
const CONCURRENCY = slotMs > 0 ? 16 : 50;
const connect = () => new Redis({ path, maxRetriesPerRequest: null });
const nowMs = () => Number(process.hrtime.bigint()) / 1e6;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function work() {
    const worker = new Worker('sends', async (job) => {
        if (job.name === 'urgent') process.send({ shot: job.data.shot, at: nowMs() });
        if (slotMs > 0) await pause(slotMs);
    }, { connection: connect(), concurrency: CONCURRENCY });
    return worker.waitUntilReady().then(() => process.send('ready'));
}

async function fill(queue) {
    for (let from = 0; from < backlog; from += BULK) {
        await queue.addBulk(Array.from({ length: Math.min(BULK, backlog - from) }, (_, i) =>
            ({ name: 'bulk', data: { rank: from + i }, opts: { removeOnComplete: true, priority: 1000 } })));
    }
}

const once = (child, wanted) => new Promise((resolve) => {
    const take = (message) => {
        if (!wanted(message)) return;
        child.off('message', take);
        resolve(message);
    };
    child.on('message', take);
});

async function fire(queue, worker, shot) {
    await pause(0.5 + Math.random() * 8);
    const arrived = once(worker, (message) => message.shot === shot);
    const start = nowMs();
    await queue.add('urgent', { shot }, { removeOnComplete: true });
    return (await arrived).at - start;
}

async function main() {
    const queue = new Queue('sends', { connection: connect() });
    const took = [];
    await fill(queue);
    const worker = fork(__filename, process.argv.slice(2), { env: { ...process.env, BULLMQ_WORKER: '1' } });
    await once(worker, (message) => message === 'ready');
    for (let shot = 0; shot < shots; shot++) took.push(await fire(queue, worker, shot));
    if (await queue.count() === 0) throw new Error('the backlog ran empty');
    took.sort((a, b) => a - b);
    for (const [metric, share] of [['p50_ms', 0.5], ['p99_ms', 0.99], ['max_ms', 1]]) {
        const value = Math.max(0, took[Math.floor((shots - 1) * share)] - slotMs);
        console.log(JSON.stringify({ bench: 'preempt', metric, value, unit: 'ms', runs: shots }));
    }
    worker.kill();
    process.exit(0);
}

if (process.env.BULLMQ_WORKER) work();
else main();
