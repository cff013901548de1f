/**
 * Helpers that Linux 6.18 knows in programs of type syscall and refuses in each call: the words are those of its verifier, to programs that
 * called them with the best arguments that there are.
 */
import { describe, expect, it } from "vitest";
import { addHost } from "../../../sim/net/stack.ts";
import { program, testKernel } from "../kit.ts";

const MAPS = "Sleepable programs can only use array, hash, ringbuf and local storage maps";

describe("a program of type syscall", () => {
  it.each([
    [147, "d_path", "helper call is not allowed in probe"],
    [173, "get_func_ip", "func bpf_get_func_ip#173 not supported for program type 31"],
    [188, "xdp_get_buff_len", "R1 type=ctx expected=ptr_, trusted_ptr_, rcu_ptr_"],
    [111, "skb_output", MAPS],
    [121, "xdp_output", MAPS],
    [27, "get_stackid", MAPS],
  ])("is refused when it calls helper %i, bpf_%s", (id, _name, words) => {
    const host = addHost(testKernel(), "h");
    expect(() => program(host, `call ${id}\nr0 = 0\nexit`, { kind: "syscall" })).toThrow(words);
  });

  it("calls bpf_sock_from_file, and no file is a socket's", () => {
    const host = addHost(testKernel(), "h");
    expect(() => program(host, "call 162\nr0 = 0\nexit", { kind: "syscall" })).not.toThrow();
  });
});
