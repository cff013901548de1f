// The packets that the cases are asked about, as hex.

const mac = "020000000002" + "020000000001";
export const ip4 = (tos, ttl, proto, payload) => {
  const h = Buffer.alloc(20);
  h[0] = 0x45;
  h[1] = tos;
  h.writeUInt16BE(20 + payload.length, 2);
  h.writeUInt16BE(0x1234, 4);
  h.writeUInt16BE(0x4000, 6);
  h[8] = ttl;
  h[9] = proto;
  Buffer.from([10, 0, 0, 1, 10, 0, 0, 2]).copy(h, 12);
  let sum = 0;
  for (let i = 0; i < 20; i += 2) sum += h.readUInt16BE(i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  h.writeUInt16BE(~sum & 0xffff, 10);
  return Buffer.concat([h, payload]);
};
export const udp = (csum, n) => {
  const b = Buffer.alloc(8 + n);
  b.writeUInt16BE(4000, 0);
  b.writeUInt16BE(80, 2);
  b.writeUInt16BE(8 + n, 4);
  b.writeUInt16BE(csum, 6);
  for (let i = 0; i < n; i++) b[8 + i] = i;
  return b;
};
export const v4 = (tos = 0, csum = 0xabcd, n = 32) => `${mac}0800${ip4(tos, 64, 17, udp(csum, n)).toString("hex")}`;
export const v6 = (tc = 0, n = 32) => {
  const h = Buffer.alloc(40);
  h.writeUInt32BE((0x60000000 | (tc << 20)) >>> 0, 0);
  h.writeUInt16BE(8 + n, 4);
  h[6] = 17;
  h[7] = 64;
  h[8] = 0xfd;
  h[23] = 1;
  h[24] = 0xfd;
  h[39] = 2;
  return `${mac}86dd${Buffer.concat([h, udp(0x1111, n)]).toString("hex")}`;
};
export const arp = `${mac}0806${"00".repeat(46)}`;
export const vlan = (inner) => `${mac}8100002a${inner.slice(24)}`;
export const qinq = (inner) => `${mac}88a80064${vlan(inner).slice(24)}`;
export const big = v4(0, 0xabcd, 1400);
