/** What tc prints for `flower help`. @source iproute2 tc/f_flower.c explain */
export const FLOWER_USAGE: string =
  "Usage: ... flower	[ MATCH-LIST ] [ verbose ]\n" +
  "			[ skip_sw | skip_hw ]\n" +
  "			[ action ACTION-SPEC ] [ classid CLASSID ]\n" +
  "\n" +
  "Where: MATCH-LIST := [ MATCH-LIST ] MATCH\n" +
  "       MATCH      := {	indev DEV-NAME |\n" +
  "			num_of_vlans VLANS_COUNT |\n" +
  "			vlan_id VID |\n" +
  "			vlan_prio PRIORITY |\n" +
  "			vlan_ethtype [ ipv4 | ipv6 | ETH-TYPE ] |\n" +
  "			cvlan_id VID |\n" +
  "			cvlan_prio PRIORITY |\n" +
  "			cvlan_ethtype [ ipv4 | ipv6 | ETH-TYPE ] |\n" +
  "			pppoe_sid PSID |\n" +
  "			ppp_proto [ ipv4 | ipv6 | mpls_uc | mpls_mc | PPP_PROTO ]" +
  "			dst_mac MASKED-LLADDR |\n" +
  "			src_mac MASKED-LLADDR |\n" +
  "			ip_proto [tcp | udp | sctp | icmp | icmpv6 | IP-PROTO ] |\n" +
  "			ip_tos MASKED-IP_TOS |\n" +
  "			ip_ttl MASKED-IP_TTL |\n" +
  "			mpls LSE-LIST |\n" +
  "			mpls_label LABEL |\n" +
  "			mpls_tc TC |\n" +
  "			mpls_bos BOS |\n" +
  "			mpls_ttl TTL |\n" +
  "			dst_ip PREFIX |\n" +
  "			src_ip PREFIX |\n" +
  "			dst_port PORT-NUMBER |\n" +
  "			src_port PORT-NUMBER |\n" +
  "			tcp_flags MASKED-TCP_FLAGS |\n" +
  "			type MASKED-ICMP-TYPE |\n" +
  "			code MASKED-ICMP-CODE |\n" +
  "			arp_tip IPV4-PREFIX |\n" +
  "			arp_sip IPV4-PREFIX |\n" +
  "			arp_op [ request | reply | OP ] |\n" +
  "			arp_tha MASKED-LLADDR |\n" +
  "			arp_sha MASKED-LLADDR |\n" +
  "			enc_dst_ip [ IPV4-ADDR | IPV6-ADDR ] |\n" +
  "			enc_src_ip [ IPV4-ADDR | IPV6-ADDR ] |\n" +
  "			enc_key_id [ KEY-ID ] |\n" +
  "			enc_tos MASKED-IP_TOS |\n" +
  "			enc_ttl MASKED-IP_TTL |\n" +
  "			geneve_opts MASKED-OPTIONS |\n" +
  "			vxlan_opts MASKED-OPTIONS |\n" +
  "                       erspan_opts MASKED-OPTIONS |\n" +
  "			gtp_opts MASKED-OPTIONS |\n" +
  "			ip_flags IP-FLAGS |\n" +
  "			enc_dst_port [ port_number ] |\n" +
  "			ct_state MASKED_CT_STATE |\n" +
  "			ct_label MASKED_CT_LABEL |\n" +
  "			ct_mark MASKED_CT_MARK |\n" +
  "			ct_zone MASKED_CT_ZONE }\n" +
  "	LSE-LIST := [ LSE-LIST ] LSE\n" +
  "	LSE := lse depth DEPTH { label LABEL | tc TC | bos BOS | ttl TTL }\n" +
  "	FILTERID := X:Y:Z\n" +
  "	MASKED_LLADDR := { LLADDR | LLADDR/MASK | LLADDR/BITS }\n" +
  "	MASKED_CT_STATE := combination of {+|-} and flags trk,est,new,rel,rpl,inv\n" +
  "	ACTION-SPEC := ... look at individual actions\n" +
  "\n" +
  "NOTE:	CLASSID, IP-PROTO are parsed as hexadecimal input.\n" +
  "NOTE:	There can be only used one mask per one prio. If user needs\n" +
  "	to specify different mask, he has to use different prio.\n";
