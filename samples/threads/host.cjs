// Runs a module's threads: each is a worker with an instance of its own, and all instances have one memory.
"use strict";
const { Worker, isMainThread, parentPort, workerData } = require("node:worker_threads");
const { readFileSync } = require("node:fs");

const THREADS = 4;
const PAGES = 32; // as the SConstruct has it

// The first instance initialises the memory; the others wait for that, and find it done.
const instantiate = (module, memory) => new WebAssembly.Instance(module, { env: { memory } }).exports;

function thread({ module, memory, number }) {
  const exports = instantiate(module, memory);
  exports.__stack_pointer.value = exports.reserve_stack(number);
  exports.__wasm_init_tls(exports.reserve_block(number));
  parentPort.postMessage(exports.work());
}

function start(module, memory, number) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(__filename, { workerData: { module, memory, number } });
    worker.on("message", resolve);
    worker.on("error", reject);
  });
}

async function main(file) {
  const module = new WebAssembly.Module(readFileSync(file));
  const memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES, shared: true });
  const found = await Promise.all([...Array(THREADS).keys()].map((number) => start(module, memory, number)));
  const sum = found.reduce((left, right) => left + right);
  const total = instantiate(module, memory).total();
  if (sum !== total) throw new Error(`the threads found ${sum} primes, but counted ${total}`);
  console.log(`${THREADS} threads found ${total} primes`);
}

if (isMainThread) main(process.argv[2]);
else thread(workerData);
