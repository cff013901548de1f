// Socket filters where they live: on an AF_PACKET socket, with the Ethernet header in front and with outgoing packets,
// which BPF_PROG_RUN has not.

import { readFileSync } from "node:fs";
import { Lab } from "./lab.mjs";
import { pair } from "./tables.mjs";

const packets = JSON.parse(readFileSync(new URL("../packets.json", import.meta.url), "utf8"));

/** Records what a filter on b:vb and one on a:va make of every packet sent from a:va. */
export async function recordSocketFilters(hook, pins) {
  const lab = new Lab(hook, pins);
  try {
    lab.build(pair);
    const attach = [
      { host: "b", dev: "vb", at: "socket", object: "sock_ip_only.o", program: "sock_ip_only" },
      { label: "bytes", host: "a", dev: "va", at: "socket", object: "sock_proto_bytes.o", program: "sock_proto_bytes" },
    ];
    const [ip, bytes] = attach.map((one) => lab.attach(one));
    const stopBytes = await lab.listen("a", ["filter", bytes, "va"]);
    const runs = [];
    for (const packet of packets) {
      const stop = await lab.listen("b", ["filter", ip, "vb"]);
      const { sent, errors } = lab.send("a", "va", [packet.hex]);
      await lab.settle();
      const seen = await stop();
      const run = { packet: packet.name, sent };
      if (sent === 0) run.errors = errors;
      // In what came through only the length is of interest, unless the kernel changed the bytes (a VLAN tag taken off).
      run.received = seen.map(({ pktType, hex }) => (packet.hex === hex ? { pktType } : { pktType, hex }));
      runs.push(run);
    }
    const leftovers = await stopBytes();
    return [
      {
        name: "every packet, sent from a:va",
        network: pair,
        attach,
        result: {
          ipOnlyOnVb: runs,
          protoBytesOnVa: { received: leftovers.length, proto_bytes: lab.dump("bytes", "proto_bytes") },
        },
      },
    ];
  } finally {
    lab.destroy();
  }
}
