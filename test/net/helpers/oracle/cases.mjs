// What the recorder asks the kernel and the test asks netsim, by the program that is run. A step is [op, arguments...]; bytes are
// given as hex. `ifindex`: the device that the packet comes from, lo when absent.
import * as connect4 from "./cases/connect4.mjs";
import * as fib from "./cases/fib.mjs";
import * as identity from "./cases/identity.mjs";
import * as lwt from "./cases/lwt.mjs";
import * as seg6 from "./cases/seg6.mjs";
import * as skStorage from "./cases/sk-storage.mjs";
import * as skb from "./cases/skb.mjs";
import * as sock from "./cases/sock.mjs";
import * as sockmap from "./cases/sockmap.mjs";
import * as syncookie from "./cases/syncookie.mjs";
import * as tunnel from "./cases/tunnel.mjs";
import * as xdp from "./cases/xdp.mjs";

/** Sizes of struct step and struct result of steps.h, and of their buffers. */
export const STEP_BYTES = 136;
export const RESULT_BYTES = 144;
export const BUF_BYTES = 96;
export const STEPS = 4;

/** Programs by name; each is an object of objects/ with one program. `forSocket`: it runs for a UDP socket that is being connected. */
export const PROGRAMS = {
  skb,
  xdp,
  identity,
  tunnel,
  sock,
  sock_xdp: { ops: sock.ops, cases: sock.xdpCases },
  syncookie,
  sockmap,
  sk_storage: skStorage,
  lwt_in: lwt,
  fib,
  fib_xdp: fib,
  connect4,
  seg6,
};

/**
 * struct step as the program reads it.
 * @returns bytes
 */
export function encodeStep(ops, [name, ...args]) {
  const [op, ...places] = ops[name];
  const bytes = Buffer.alloc(STEP_BYTES);
  bytes.writeUInt32LE(op, 0);
  places.forEach((place, i) => {
    if (place === "buf") {
      const buf = Buffer.from(args[i], "hex");
      buf.copy(bytes, STEP_BYTES - BUF_BYTES);
      bytes.writeUInt32LE(buf.length, 4);
    } else if (place === "len") bytes.writeUInt32LE(args[i], 4);
    else bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(args[i])), 8 + "abcd".indexOf(place) * 8);
  });
  return bytes;
}

/** struct result in words: what is zero or empty is left out. */
export function decodeResult(bytes) {
  const b = Buffer.from(bytes);
  const names = ["len", "protocol", "vlanPresent", "vlanTci", "vlanProto", "pktType", "linear", "meta", "out", "pad"];
  const r = { ret: Number(b.readBigInt64LE(0)) };
  names.forEach((name, i) => {
    const value = b.readUInt32LE(8 + i * 4);
    if (value !== 0) r[name] = value;
  });
  const buf = b
    .subarray(RESULT_BYTES - BUF_BYTES, RESULT_BYTES)
    .toString("hex")
    .replace(/(00)+$/, "");
  if (buf !== "") r.buf = buf;
  return r;
}
