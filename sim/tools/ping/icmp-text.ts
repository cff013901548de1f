/** What ping says of ICMP errors. @source iputils ping/ping.c print_icmph, ping/ping6_common.c print_icmp */

const UNREACHABLE4: Readonly<Record<number, string>> = {
  0: "Destination Net Unreachable",
  1: "Destination Host Unreachable",
  2: "Destination Protocol Unreachable",
  3: "Destination Port Unreachable",
  5: "Source Route Failed",
  6: "Destination Net Unknown",
  7: "Destination Host Unknown",
  8: "Source Host Isolated",
  9: "Destination Net Prohibited",
  10: "Destination Host Prohibited",
  11: "Destination Net Unreachable for Type of Service",
  12: "Destination Host Unreachable for Type of Service",
  13: "Packet filtered",
  14: "Precedence Violation",
  15: "Precedence Cutoff",
};

const UNREACHABLE6: Readonly<Record<number, string>> = {
  0: "No route",
  1: "Administratively prohibited",
  2: "Beyond scope of source address",
  3: "Address unreachable",
  4: "Port unreachable",
};

/** @param info second word of the message. @returns null for messages that are no errors */
export function icmpText(type: number, code: number, info: number): string | null {
  switch (type) {
    case 3:
      if (code === 4) return `Frag needed and DF set (mtu = ${info & 0xffff})`;
      return UNREACHABLE4[code] ?? `Dest Unreachable, Bad Code: ${code}`;
    case 4:
      return "Source Quench";
    case 11:
      if (code === 0) return "Time to live exceeded";
      return code === 1 ? "Frag reassembly time exceeded" : `Time exceeded, Bad Code: ${code}`;
    case 12:
      return `Parameter problem: pointer = ${info >>> 24}`;
    default:
      return null;
  }
}

/** The same for ICMPv6. */
export function icmp6Text(type: number, code: number, info: number): string | null {
  switch (type) {
    case 1:
      return `Destination unreachable: ${UNREACHABLE6[code] ?? `Unknown code ${code}`}`;
    case 2:
      return `Packet too big: mtu=${info >>> 0}${code === 0 ? "" : `, code=${code}`}`;
    case 3:
      return `Time exceeded: ${code === 0 ? "Hop limit" : code === 1 ? "Defragmentation failure" : `code ${code}`}`;
    case 4:
      return `Parameter problem: ${["Wrong header field ", "Unknown header ", "Unknown option "][code] ?? `code ${code}`}at ${info >>> 0}`;
    default:
      return null;
  }
}
