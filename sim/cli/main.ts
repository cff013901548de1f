#!/usr/bin/env node
/** The entry of `netsim`. Ctrl-C halts what runs, which closes its files, and exits 130. */
import { exit, main } from "effection";
import { runCli } from "./index.ts";
import { processIo } from "./io.ts";

await main(function* (args) {
  const status = yield* runCli(args, processIo(process));
  yield* exit(status);
});
