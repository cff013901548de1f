/** Runs a program over one packet or over the packets of a capture. */
import { readCapture } from "../../apps/capture-file.ts";
import { LabError } from "../../engine/errors.ts";
import { STRERROR } from "../../net/netlink-error.ts";
import { progTestRun } from "../../net/prog-test-run.ts";
import type { ChosenProgram } from "./load-program.ts";

/** What to run on. */
export interface PacketInput {
  /** A packet or a capture, and how the user calls it; null: none, for programs that run on their context alone. */
  readonly data: { readonly bytes: Uint8Array; readonly file: string } | null;
  readonly ctx: Uint8Array | null;
  readonly repeat: number;
}

/** One packet's outcome. */
export interface PacketRun {
  /** Time in the capture, ns since its first packet; 0 otherwise. */
  readonly atNs: number;
  readonly before: Uint8Array;
  /** 32 bits, unsigned. */
  readonly retval: number;
  readonly data: Uint8Array;
  readonly ctx: Uint8Array;
  /** The cost model's time of one run, the mean, rounded. */
  readonly durationNs: number;
}

/** @source draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng: the first four bytes, in either byte order */
const CAPTURE_MAGICS: readonly number[] = [0xa1b2c3d4, 0xd4c3b2a1, 0xa1b23c4d, 0x4d3cb2a1, 0x0a0d0d0a];

/**
 * Runs it.
 * @throws LabError RUN_REFUSED where BPF_PROG_RUN answers an errno, and those of `readCapture`
 * @throws VerifierError when an access check fails
 */
export function runPackets(chosen: ChosenProgram, input: PacketInput): readonly PacketRun[] {
  return packetsOf(input).map(({ atNs, bytes }, i, all) => {
    const { host, program } = chosen;
    const { machine } = host.kernel;
    const costBefore = machine.cost16;
    const answer = progTestRun(host, program, {
      data: bytes,
      repeat: input.repeat,
      anyType: true,
      ...(input.ctx === null ? {} : { ctx: input.ctx }),
    });
    if (typeof answer === "number") throw refused(input, answer, all.length > 1 ? i + 1 : 0, bytes.length);
    const cost16 = (machine.cost16 - costBefore) >>> 0;
    return { atNs, before: bytes, ...answer, durationNs: Math.round(cost16 / 16 / input.repeat) };
  });
}

/** The packet, or the first one of a capture. @throws those of `readCapture` */
export function firstPacket(data: NonNullable<PacketInput["data"]>): Uint8Array {
  return packetsOf({ data, ctx: null, repeat: 1 })[0]!.bytes;
}

function packetsOf({ data }: PacketInput): readonly { readonly atNs: number; readonly bytes: Uint8Array }[] {
  if (data === null) return [{ atNs: 0, bytes: new Uint8Array(0) }];
  const { bytes, file } = data;
  const magic = bytes.length >= 4 ? new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true) : 0;
  return CAPTURE_MAGICS.includes(magic) ? readCapture(bytes, file) : [{ atNs: 0, bytes }];
}

function refused(input: PacketInput, errno: number, packet: number, length: number): LabError {
  const what =
    input.data === null ? "no packet was given" : `${input.data.file}${packet > 0 ? `: packet ${packet}` : ""}`;
  const message = `${what}: failed to run program: ${STRERROR[errno] ?? `errno ${errno}`}`;
  const fix =
    input.data === null
      ? "give one with --data-in FILE; programs that have no packet take a context, --ctx-in FILE"
      : `BPF_PROG_RUN takes an Ethernet frame of at least 14 bytes, whole as far as its headers promise; this one has ${length}`;
  return new LabError([
    {
      code: "RUN_REFUSED",
      message,
      fix: input.ctx === null ? fix : `${fix}; and a context with nothing but what the kernel lets a caller set`,
    },
  ]);
}
