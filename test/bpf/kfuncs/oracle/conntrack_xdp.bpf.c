// SPDX-License-Identifier: MIT
// Connection tracking from XDP programs.
#define CTX struct xdp_md
#define SECTION "xdp"
#define CT_ALLOC bpf_xdp_ct_alloc
#define CT_LOOKUP bpf_xdp_ct_lookup
#include "conntrack.h"
