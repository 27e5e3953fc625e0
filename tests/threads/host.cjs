// Runs a module's four threads: node host.cjs MODULE INITIAL_PAGES MAXIMUM_PAGES; prints what they returned, as JSON.
"use strict";
const { Worker, isMainThread, parentPort, workerData } = require("node:worker_threads");
const { readFileSync } = require("node:fs");

const THREADS = 4;

function instantiate(module, memory) {
  return new WebAssembly.Instance(module, { env: { memory } }).exports;
}

function thread({ module, memory, gate, id }) {
  // All instantiate at the same moment, as far as that can be had: one of them initialises the memory.
  const flag = new Int32Array(gate);
  Atomics.add(flag, 0, 1);
  while (Atomics.load(flag, 0) < THREADS);
  const exports = instantiate(module, memory);
  exports.__stack_pointer.value = exports.stack(id);
  exports.__wasm_init_tls(exports.block(id));
  parentPort.postMessage([id, exports.run(id), exports.block_size(), exports.block_alignment()]);
}

async function main() {
  const [file, initial, maximum] = process.argv.slice(2);
  const module = new WebAssembly.Module(readFileSync(file));
  const memory = new WebAssembly.Memory({ initial: Number(initial), maximum: Number(maximum), shared: true });
  const gate = new SharedArrayBuffer(4);
  const threads = [...Array(THREADS).keys()].map(
    (id) =>
      new Promise((resolve, reject) => {
        const worker = new Worker(__filename, { workerData: { module, memory, gate, id } });
        worker.on("message", resolve);
        worker.on("error", reject);
      }),
  );
  const results = await Promise.all(threads);
  const exports = instantiate(module, memory);
  console.log(JSON.stringify({ results, counted: exports.counted(), constructed: exports.constructed() }));
}

if (isMainThread) main();
else thread(workerData);
