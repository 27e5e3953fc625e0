// Calls the plug-in from JavaScript, once jco has made a module of it: see the alias "node" in the SConstruct.

import { twice } from "./transpiled/plugin.js";

console.log(String(twice(21n)));
