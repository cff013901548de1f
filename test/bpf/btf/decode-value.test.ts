import { describe, expect, it } from "vitest";
import { decodeValue } from "../../../sim/bpf/btf/decode-value.ts";
import { encodeValue } from "../../../sim/bpf/btf/encode-value.ts";
import { formatValue } from "../../../sim/bpf/btf/format-value.ts";
import { findType } from "../../../sim/bpf/btf/query.ts";
import { fixture } from "../object/fixtures.ts";
import { btf, id } from "./kit.ts";

// A value of `struct backend` written byte by byte.
const BACKEND = Uint8Array.from([
  ...[119, 101, 98, 45, 49, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 9, 31, 144, 0, 0, 0, 0],
  ...[251, 255, 255, 255, 255, 255, 255, 255, 17, 0, 0, 0, 181, 223, 188, 154, 1, 0, 0, 0, 0, 0, 0, 0],
  ...[5, 0, 0, 0, 0, 0, 0, 128, 3, 0, 0, 0, 0, 0, 0, 0, 1, 0, 7, 0, 8, 0, 0, 0],
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20],
  ...[0, 0, 0, 0, 120, 86, 52, 18, 128, 136, 255, 255],
]);

// A value of `struct nested`.
const NESTED = Uint8Array.from([
  ...[1, 0, 0, 0, 97, 98, 99, 0, 254, 255, 255, 255, 1, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0],
  ...[200, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255],
  ...[1, 0, 0, 0, 97, 98, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0],
]);

describe("decodeValue", () => {
  it("gives numbers, names, text and objects", () => {
    expect(decodeValue(btf, id("backend"), BACKEND)).toEqual({
      name: "web-1",
      mac: [2, 0, 0, 0, 0, 9],
      port: 36895,
      delta: -5,
      proto: "PROTO_UDP",
      low: 21,
      mid: -3,
      high: 0x9abcd,
      counters: [1, 9223372036854775813n, 3],
      up: true,
      inner_a: 7,
      inner_b: 8,
      vip: {
        v4: 0x04030201,
        v6: [0x04030201, 0x08070605, 0x0c0b0a09, 0x100f0e0d],
        port: 0x1211,
        proto: 19,
        flag: 0,
        rest: 10,
      },
      pointer: 0xffff888012345678n,
    });
  });

  it("gives data sections as objects by variable", () => {
    const spec = fixture("data");
    const map = spec.maps.find((m) => m.name === "data.data")!;
    expect(decodeValue(spec.btf!, map.valueTypeId, map.data!)).toEqual({ seen: 0x11223344, pointer: 0, hidden: 5 });
  });

  it("reads back what was encoded", () => {
    const value = { x: -7, label: "abc" };
    expect(decodeValue(btf, id("point"), encodeValue(btf, id("point"), value))).toEqual(value);
  });

  it("counts missing bytes as zero and never makes more elements than bytes", () => {
    expect(decodeValue(btf, id("point"), Uint8Array.of(5))).toEqual({ x: 5, label: "" });
    const endless = {
      types: [
        { kind: "void" },
        btf.types[id("unsigned char", "int")]!,
        { kind: "array", type: 1, indexType: 1, count: 2 ** 32 - 1 },
      ],
    };
    expect(decodeValue(endless as typeof btf, 2, Uint8Array.of(1, 2))).toEqual([1, 2]);
  });
});

// The texts are what bpftool 7.1 printed on Linux 6.18 for a map with this value.
describe("formatValue", () => {
  it("prints JSON as bpftool -j does", () => {
    expect(formatValue(btf, id("backend"), BACKEND, { plain: false })).toBe(
      '{"name":"web-1","mac":[2,0,0,0,0,9],"port":36895,"delta":-5,"proto":"PROTO_UDP","low":"0x15","mid":"0x7d","high":"0x9abcd",' +
        '"counters":[1,9223372036854775813,3],"up":true,"":{"inner_a":7,"inner_b":8},"vip":{"":{"v4":67305985,' +
        '"v6":[67305985,134678021,202050057,269422093]},"port":4625,"proto":19,"flag":"0x0","rest":"0xa"},' +
        '"pointer":18446612682375452280}',
    );
    expect(formatValue(btf, id("nested"), NESTED, { plain: false })).toBe(
      '{"points":[{"x":1,"label":"abc"},{"x":-2,"label":[1,0,0,0]}],"matrix":[[1,2],[3,4]],"byte":200,"next":0,' +
        '"big":18446744073709551615,"unprintable":[1,0,0,0],"full":[97,98],"one":2}',
    );
  });

  it("prints plain text as bpftool does, at the depth it stands in a map dump", () => {
    const text = `        "value": ${formatValue(btf, id("nested"), NESTED, { plain: true, depth: 2 })}`;
    expect(text).toBe(`        "value": {
            "points": [{
                    "x": 1,
                    "label": "abc"
                },{
                    "x": -2,
                    "label": [1,0,0,0
                    ]
                }
            ],
            "matrix": [[1,2
                ],[3,4
                ]
            ],
            "byte": 200,
            "next": (nil),
            "big": 18446744073709551615,
            "unprintable": [1,0,0,0
            ],
            "full": [97,98
            ],
            "one": 2
        }`);
    const backend = formatValue(btf, id("backend"), BACKEND, { plain: true });
    expect(backend).toContain('    "low": 0x15,\n    "mid": 0x7d,\n    "high": 0x9abcd,');
    expect(backend).toContain('    "pointer": 0xffff888012345678\n}');
  });

  it("prints data sections as bpftool does", () => {
    const spec = fixture("data");
    const map = spec.maps.find((m) => m.name === "data.rodata")!;
    const type = findType(spec.btf!, ".rodata", "datasec");
    expect(formatValue(spec.btf!, type, map.data!, { plain: false })).toBe(
      '{".rodata":[{"limit":77},{"table":[1,2,3,4]}]}',
    );
    expect(formatValue(spec.btf!, type, map.data!, { plain: true, depth: 2 })).toBe(`{
            ".rodata": [{
                    "limit": 77
                },{
                    "table": [1,2,3,4
                    ]
                }
            ]
        }`);
  });
});
