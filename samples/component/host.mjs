// What the plug-in imports: the interface sample:plugin/host.

export function log(text) {
  console.log(`plug-in: ${text}`);
}
