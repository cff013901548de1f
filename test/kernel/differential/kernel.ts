/** The running kernel, asked through runner.c. */
import { type ChildProcess, spawn } from "node:child_process";
import type { Answer, Case, Refusal } from "../../bpf/differential/case.ts";
import { decodeAnswer, encodeCase } from "../../bpf/differential/wire.ts";

/** What the kernel said to a case, and the bytes in which it came. */
export interface Said {
  readonly answer: Answer | Refusal;
  readonly bytes: Uint8Array;
}

/** A running runner. */
export class KernelOracle {
  private readonly child: ChildProcess;
  private readonly cpus: number;
  private readonly waiting: { readonly c: Case; done(said: Said): void; failed(error: Error): void }[] = [];
  private ended: string | null = null;
  private received: Buffer = Buffer.alloc(0);

  /** @param runner path of the executable @param cpus possible CPUs of this machine */
  constructor(runner: string, cpus: number) {
    this.cpus = cpus;
    this.child = spawn(runner, [], { stdio: ["pipe", "pipe", "inherit"] });
    this.child.stdout!.on("data", (bytes: Buffer) => {
      this.received = this.received.length === 0 ? bytes : Buffer.concat([this.received, bytes]);
      this.answers();
    });
    // a write into a runner that died says less than its end does
    this.child.stdin!.on("error", () => {});
    this.child.on("exit", (code, signal) => {
      this.ended = `the runner ended with ${signal ?? code}; what dmesg says may tell why`;
      for (const w of this.waiting) w.failed(new Error(this.ended));
    });
  }

  /** Asks; may be called again before the answer came. */
  ask(c: Case): Promise<Said> {
    const request = encodeCase(c);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(request.length);
    return new Promise((done, failed) => {
      if (this.ended !== null) throw new Error(this.ended);
      this.waiting.push({ c, done, failed });
      this.child.stdin!.write(Buffer.concat([length, request]));
    });
  }

  /** Ends the runner. */
  close(): void {
    this.child.stdin!.end();
  }

  private answers(): void {
    let at = 0;
    while (this.received.length - at >= 4) {
      const length = this.received.readUInt32LE(at);
      if (this.received.length - at < 4 + length) break;
      const bytes = Uint8Array.from(this.received.subarray(at + 4, at + 4 + length));
      at += 4 + length;
      const { c, done } = this.waiting.shift()!;
      done({ answer: decodeAnswer(c, bytes, this.cpus), bytes });
    }
    this.received = this.received.subarray(at);
  }
}

/** The kernel did not refuse. */
export function isAnswer(answer: Answer | Refusal): answer is Answer {
  return "runs" in answer;
}
