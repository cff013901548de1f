// SPDX-License-Identifier: MIT
// String kfuncs.
#include "oracle.h"

extern int bpf_strcmp(const char *a, const char *b) __ksym;
extern int bpf_strcasecmp(const char *a, const char *b) __ksym;
extern int bpf_strchr(const char *s, char c) __ksym;
extern int bpf_strchrnul(const char *s, char c) __ksym;
extern int bpf_strnchr(const char *s, __u64 n, char c) __ksym;
extern int bpf_strrchr(const char *s, int c) __ksym;
extern int bpf_strlen(const char *s) __ksym;
extern int bpf_strnlen(const char *s, __u64 n) __ksym;
extern int bpf_strspn(const char *s, const char *accept) __ksym;
extern int bpf_strcspn(const char *s, const char *reject) __ksym;
extern int bpf_strstr(const char *s, const char *t) __ksym;
extern int bpf_strnstr(const char *s, const char *t, __u64 n) __ksym;

static const char abc[] = "abcabc", abd[] = "abd", upper[] = "ABCabc", none[] = "", high[] = "\xe4\xff z", shout[] = "\xc4\xff Z";
#define LOW ((const char *)0x1000)
#define HIGH ((const char *)-4096)

SEC("tc")
int compare(struct __sk_buff *skb)
{
	ANSWERS();

	SAY(bpf_strcmp(abc, abc));
	SAY(bpf_strcmp(abc, abd));
	SAY(bpf_strcmp(abd, abc));
	SAY(bpf_strcmp(abc, none));
	SAY(bpf_strcmp(none, abc));
	SAY(bpf_strcmp(high, abc));
	SAY(bpf_strcmp(LOW, abc));
	SAY(bpf_strcmp(abc, LOW));
	SAY(bpf_strcmp(HIGH, abc));
	SAY(bpf_strcmp(abc, HIGH));
	SAY(bpf_strcmp(HIGH, LOW));
	SAY(bpf_strcmp(0, abc));
	SAY(bpf_strcasecmp(abc, upper));
	SAY(bpf_strcasecmp(high, shout));
	SAY(bpf_strcasecmp(abd, upper));
	SAY(bpf_strcasecmp(abc, LOW));
	return 0;
}

SEC("tc")
int find(struct __sk_buff *skb)
{
	ANSWERS();

	SAY(bpf_strchr(abc, 'c'));
	SAY(bpf_strchr(abc, 'x'));
	SAY(bpf_strchr(abc, 0));
	SAY(bpf_strchr(high, 0xff));
	SAY(bpf_strchr(LOW, 'x'));
	SAY(bpf_strchr(HIGH, 'x'));
	SAY(bpf_strchrnul(abc, 'c'));
	SAY(bpf_strchrnul(abc, 'x'));
	SAY(bpf_strchrnul(abc, 0));
	SAY(bpf_strnchr(abc, 2, 'c'));
	SAY(bpf_strnchr(abc, 3, 'c'));
	SAY(bpf_strnchr(abc, 7, 0));
	SAY(bpf_strnchr(abc, 6, 0));
	SAY(bpf_strnchr(abc, 0, 'a'));
	SAY(bpf_strnchr(LOW, 0, 'a'));
	SAY(bpf_strrchr(abc, 'b'));
	SAY(bpf_strrchr(abc, 'x'));
	SAY(bpf_strrchr(abc, 0));
	SAY(bpf_strrchr(high, 0xff));
	SAY(bpf_strrchr(high, -1));
	SAY(bpf_strrchr(abc, 'b' + 256));
	return 0;
}

SEC("tc")
int measure(struct __sk_buff *skb)
{
	ANSWERS();

	SAY(bpf_strlen(abc));
	SAY(bpf_strlen(none));
	SAY(bpf_strlen(LOW));
	SAY(bpf_strlen(HIGH));
	SAY(bpf_strnlen(abc, 3));
	SAY(bpf_strnlen(abc, 6));
	SAY(bpf_strnlen(abc, 100));
	SAY(bpf_strnlen(abc, 0));
	SAY(bpf_strnlen(abc, -1));
	SAY(bpf_strspn(abc, "ab"));
	SAY(bpf_strspn(abc, "xyz"));
	SAY(bpf_strspn(abc, "cba"));
	SAY(bpf_strspn(abc, none));
	SAY(bpf_strspn(none, abc));
	SAY(bpf_strspn(abc, LOW));
	SAY(bpf_strspn(none, HIGH));
	SAY(bpf_strspn(abc, HIGH));
	SAY(bpf_strcspn(abc, "c"));
	SAY(bpf_strcspn(abc, "xyz"));
	SAY(bpf_strcspn(abc, "xa"));
	SAY(bpf_strcspn(abc, none));
	SAY(bpf_strcspn(none, abc));
	SAY(bpf_strcspn(LOW, abc));
	return 0;
}

SEC("tc")
int search(struct __sk_buff *skb)
{
	ANSWERS();

	SAY(bpf_strstr(abc, "bc"));
	SAY(bpf_strstr(abc, "ca"));
	SAY(bpf_strstr(abc, "abcabc"));
	SAY(bpf_strstr(abc, "abcabcd"));
	SAY(bpf_strstr(abc, none));
	SAY(bpf_strstr(none, none));
	SAY(bpf_strstr(none, abc));
	SAY(bpf_strstr(abc, "bcb"));
	SAY(bpf_strstr(LOW, abc));
	SAY(bpf_strstr(abc, LOW));
	SAY(bpf_strstr(HIGH, abc));
	SAY(bpf_strnstr(abc, "bc", 2));
	SAY(bpf_strnstr(abc, "bc", 3));
	SAY(bpf_strnstr(abc, "ca", 3));
	SAY(bpf_strnstr(abc, "ca", 4));
	SAY(bpf_strnstr(abc, "abcabc", 6));
	SAY(bpf_strnstr(abc, "abcabc", 5));
	SAY(bpf_strnstr(abc, none, 0));
	SAY(bpf_strnstr(abc, "a", 0));
	SAY(bpf_strnstr(abc, "bc", -1));
	return 0;
}
