// Instantiates a module twice with one shared memory and prints, as JSON, what its start function logged.
"use strict";
const { readFileSync } = require("node:fs");

const [file, initial, maximum] = process.argv.slice(2);
const compiled = new WebAssembly.Module(readFileSync(file));
const memory = new WebAssembly.Memory({ initial: Number(initial), maximum: Number(maximum), shared: true });
const heard = [];
for (let i = 0; i < 2; i++) new WebAssembly.Instance(compiled, { env: { memory, log: (value) => heard.push(value) } });
console.log(JSON.stringify(heard));
