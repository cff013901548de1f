import { describe, expect, it } from "vitest";
import { ToolNetwork } from "./kit.ts";

/** A ping over the pair: a sends two requests. */
async function pinged(): Promise<ToolNetwork> {
  const network = new ToolNetwork("pair");
  await network.exec("a", "ping -c 2 -i 0.1 10.9.0.2");
  return network;
}

const rows = (text: string): Record<string, number> =>
  Object.fromEntries(
    text
      .trimEnd()
      .split("\n")
      .slice(1)
      .map((line) => [line.slice(0, 32).trimEnd(), Number(line.slice(32, 48))]),
  );

describe("nstat", () => {
  it("prints a name, a count and a rate a line, in the order of /proc/net, without what is 0", async () => {
    const network = await pinged();
    expect(network.do("a", "nstat -a -s Icmp* IpOut* IpExtOut*")).toBe(
      [
        "#kernel",
        "IpOutRequests                   2                  0.0",
        "IpOutTransmits                  2                  0.0",
        "IcmpInMsgs                      2                  0.0",
        "IcmpInEchoReps                  2                  0.0",
        "IcmpOutMsgs                     2                  0.0",
        "IcmpOutEchos                    2                  0.0",
        "IpExtOutOctets                  168                0.0",
        "",
      ].join("\n"),
    );
  });

  it("tells what was added since the last time, of what was asked for the last time", async () => {
    const network = await pinged();
    network.do("a", "nstat IcmpOutEchos");
    await network.exec("a", "ping -c 1 10.9.0.2");
    expect(rows(network.do("a", "nstat -s Icmp*Echo*"))).toEqual({ IcmpInEchoReps: 1, IcmpOutEchos: 1 });
    expect(rows(network.do("a", "nstat -a -s IcmpOutEchos"))).toEqual({ IcmpOutEchos: 3 });
    expect(rows(network.do("a", "nstat -r IcmpOutEchos"))).toEqual({ IcmpOutEchos: 3 });
    expect(network.do("a", "nstat IcmpOutEchos")).toBe("#kernel\n");
  });

  it.each([
    ["-z shows zeros", "nstat -asz IcmpOutErrors", "#kernel\nIcmpOutErrors                   0                  0.0\n"],
    ["-j is JSON", "nstat -asj icmpoutecho?", '{"kernel":{"IcmpOutEchos":2}}\n'],
    ["-p lays JSON out", "nstat -asjp IcmpOutEcho[a-s]", '{\n    "kernel": {\n        "IcmpOutEchos": 2\n    }\n}\n'],
    ["-n prints nothing", "nstat -n", ""],
    ["-V tells the version", "nstat -V", "nstat utility, iproute2-6.1.0\n"],
  ])("%s", async (_why, line, stdout) => {
    expect((await pinged()).do("a", line)).toBe(stdout);
  });

  it.each([
    ["nstat -d 5", 1, /^netsim has no `nstat -d` yet/],
    ["nstat TcpExtTCPMemoryPressures", 1, /^nstat: netsim counts nothing by the name of TcpExtTCPMemoryPressures\n$/],
    ["nstat -q", 255, /^nstat: invalid option -- 'q'\nUsage: nstat/],
  ] as const)("%s is refused", async (line, status, stderr) => {
    const result = await new ToolNetwork("pair").exec("a", line);
    expect(result).toMatchObject({ status, stdout: "" });
    expect(result.stderr).toMatch(stderr);
  });
});
