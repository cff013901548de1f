/**
 * `bpftool prog tracelog { stdout | stderr } PROG`: what a program wrote to one of its streams since it was last asked; to this command's
 * own stdout or stderr. @source bpftool prog.c do_tracelog_any
 */
import { BPF_STDERR, BPF_STDOUT, streamOf } from "../../bpf/streams.ts";
import type { Host } from "../../net/host.ts";
import { matches, type Words } from "../rtnetlink.ts";
import { ToolError } from "../tool.ts";
import { takeProg } from "./handles.ts";
import type { BpftoolFlags } from "./output.ts";

/** Runs it. @throws ToolError with status 0 for what goes to stderr */
export function traceProg(host: Host, words: Words, flags: BpftoolFlags, usage: string): string {
  const word = words.next();
  const isStdout = matches(word, "stdout");
  if ((!isStdout && !matches(word, "stderr")) || words.left < 2) throw new ToolError(255, usage);
  const text = streamOf(takeProg(host, words, flags), isStdout ? BPF_STDOUT : BPF_STDERR)!.read();
  if (isStdout) return text;
  throw new ToolError(0, text);
}
