/* base/status.c - the table of status codes. */
#include "base/status.h"

const lc_status_row lc_status_rows[] = {
#define LC_STATUS_ROW(symbol, code, name, text) {symbol, name, text},
    LC_STATUS_TABLE(LC_STATUS_ROW)
#undef LC_STATUS_ROW
};

const int lc_status_count = (int)(sizeof lc_status_rows / sizeof lc_status_rows[0]);

const lc_status_row *lc_status_find(lc_status code) {
  for (int i = 0; i < lc_status_count; i++)
    if (lc_status_rows[i].code == code) return &lc_status_rows[i];
  return &lc_status_rows[0];
}
