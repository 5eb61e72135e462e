/* fuzz.h - functions of any bytes: test_fuzz.c runs them on random bytes and on those of the kept corpus, tools/fuzz by
 * libFuzzer. What breaks a promise is reported as a failed check. */
#ifndef LC_CTEST_FUZZ_H
#define LC_CTEST_FUZZ_H

#include <stddef.h>

/* Bytes are read one after the other; 0 when there are none left. */
typedef struct ctest_input {
  const unsigned char *at;
  size_t left;
} ctest_input;

unsigned ctest_byte(ctest_input *in);
/* Any bit pattern that is a finite number: what validators let pass. Half of the numbers are tame, so that fits that
 * get somewhere are seen, too. */
double ctest_any_number(ctest_input *in);
/* Any integer; three quarters are small. */
int ctest_any_integer(ctest_input *in);

void ctest_fuzz_fits(const unsigned char *data, size_t size);   /* fuzz_fits.c */
void ctest_fuzz_checks(const unsigned char *data, size_t size); /* fuzz_checks.c */

#endif
