/** The repository's folder, also for code that was bundled into a folder of its own and is started from here. */
import { existsSync } from "node:fs";
import { pathToFileURL } from "node:url";

function find(): URL {
  for (const start of [import.meta.url, pathToFileURL(`${process.cwd()}/`)]) {
    for (let at = new URL(".", start); ; at = new URL("..", at)) {
      if (existsSync(new URL("test/kernel/packets.json", at))) return at;
      if (at.pathname === "/") break;
    }
  }
  throw new Error("run this from within netsim's repository");
}

/** Ends in a slash. */
export const repository: URL = find();
