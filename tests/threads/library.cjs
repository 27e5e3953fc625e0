// Runs a position-independent module's four threads: node library.cjs MODULE INITIAL_PAGES MAXIMUM_PAGES; prints what
// they returned, as JSON. Each thread has a table and bases of its own; all have one memory.
"use strict";
const { Worker, isMainThread, parentPort, workerData } = require("node:worker_threads");
const { readFileSync } = require("node:fs");

const THREADS = 4;
const MEMORY_BASE = 4096;
const TABLE_BASE = 5;

function instantiate(module, memory) {
  const constant = (value) => new WebAssembly.Global({ value: "i32", mutable: false }, value);
  const env = {
    memory,
    __indirect_function_table: new WebAssembly.Table({ initial: 64, element: "anyfunc" }),
    __memory_base: constant(MEMORY_BASE),
    __table_base: constant(TABLE_BASE),
    __stack_pointer: new WebAssembly.Global({ value: "i32", mutable: true }, MEMORY_BASE),
  };
  const exports = new WebAssembly.Instance(module, { env }).exports;
  return { exports, stack: env.__stack_pointer };
}

function thread({ module, memory, id }) {
  const { exports, stack } = instantiate(module, memory);
  stack.value = exports.stack(id);
  exports.__wasm_init_tls(exports.block(id));
  parentPort.postMessage([id, exports.run(id)]);
}

async function main() {
  const [file, initial, maximum] = process.argv.slice(2);
  const module = new WebAssembly.Module(readFileSync(file));
  const memory = new WebAssembly.Memory({ initial: Number(initial), maximum: Number(maximum), shared: true });
  // What is to be done once, before any thread starts.
  const { exports } = instantiate(module, memory);
  if (exports.__wasm_apply_data_relocs) exports.__wasm_apply_data_relocs();
  exports.__wasm_call_ctors();
  const threads = [...Array(THREADS).keys()].map(
    (id) =>
      new Promise((resolve, reject) => {
        const worker = new Worker(__filename, { workerData: { module, memory, id } });
        worker.on("message", resolve);
        worker.on("error", reject);
      }),
  );
  const results = await Promise.all(threads);
  console.log(JSON.stringify({ results, counts: exports.counts(), size: exports.per_thread() }));
}

if (isMainThread) main();
else thread(workerData);
