/** Sockets of the simulated host in maps of sockets: named by cookie, gone when they close. */
import { describe, expect, it } from "vitest";
import type { Host } from "../../../sim/net/host.ts";
import { AF_INET, ANY4 } from "../../../sim/net/ip/address.ts";
import { openUdp } from "../../../sim/net/sockets/index.ts";
import type { UdpSocket } from "../../../sim/net/sockets/udp.ts";
import { addHost } from "../../../sim/net/stack.ts";
import { makeMap, testKernel, words } from "../kit.ts";

const EINVAL = -22;
const EOPNOTSUPP = -95;

function bound(host: Host, port: number): UdpSocket {
  const s = openUdp(host, AF_INET);
  s.bind(ANY4, port);
  return s;
}

describe.each(["sockmap", "sockhash"] as const)("%s", (kind) => {
  it("takes a bound UDP socket by its cookie and answers the cookie", () => {
    const host = addHost(testKernel(), "h");
    const map = makeMap(host, kind, 4, { valueSize: 8 });
    const s = bound(host, 53);
    expect(map.write(words(1), words(s.cookie, 0), 0)).toBe(0);
    expect(map.read(words(1))).toEqual(words(s.cookie, 0));
  });

  it("refuses a socket that is not bound", () => {
    const host = addHost(testKernel(), "h");
    const map = makeMap(host, kind, 4, { valueSize: 8 });
    expect(map.write(words(1), words(openUdp(host, AF_INET).cookie, 0), 0)).toBe(EOPNOTSUPP);
  });

  it("forgets a socket that closes", () => {
    const host = addHost(testKernel(), "h");
    const map = makeMap(host, kind, 4, { valueSize: 8 });
    const s = bound(host, 53);
    map.write(words(1), words(s.cookie, 0), 0);
    map.write(words(2), words(s.cookie, 0), 0);
    s.close();
    expect(map.count()).toBe(0);
    expect(map.read(words(1))).toBeNull();
  });
});

describe("reuseport_sockarray", () => {
  it("refuses sockets without SO_REUSEPORT, which netsim's have not", () => {
    const host = addHost(testKernel(), "h");
    const map = makeMap(host, "reuseport_sockarray", 4, { valueSize: 8 });
    expect(map.write(words(1), words(bound(host, 53).cookie, 0), 0)).toBe(EINVAL);
  });
});
