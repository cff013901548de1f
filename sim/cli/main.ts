#!/usr/bin/env node
/** The entry of `netsim`. Ctrl-C halts what runs, which closes its files, and exits 130. */
import { action, exit, main, type Operation } from "effection";
import { runCli } from "./index.ts";
import { processIo } from "./io.ts";

/** Until what was written has left the process: a slow reader at the other end of a pipe must not lose its end. */
function written(stream: NodeJS.WriteStream): Operation<void> {
  return action((resolve) => {
    if (stream.writableLength === 0 || stream.destroyed) resolve();
    else stream.write("", () => resolve());
    return () => {};
  });
}

await main(function* (args) {
  const status = yield* runCli(args, processIo(process));
  yield* written(process.stdout);
  yield* written(process.stderr);
  yield* exit(status);
});
