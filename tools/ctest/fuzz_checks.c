/* What checks inputs before numerics read them, on structures that are valid but for a few integers: the answer is
 * compared with the definition, and what passes is used, by a pass, by columns, by rows and for its statistics, against
 * the same columns written out. */
#include <math.h>
#include <string.h>

#include "fuzz.h"
#include "ctest.h"
#include "design/factor.h"
#include "design/sparse.h"
#include "solver/solver.h"

enum { ROWS = 8, COLUMNS = 8, PARTS = 4, LEVELS = 6, ENTRIES = 64 };

/* ---- a design is used ------------------------------------------------------------------------------------------- */

static double closeness(double size) { return 1e-11 * (1 + size); }

/* Scores, gradients, columns and statistics of x against plain columns (n x p). */
static void check_design(const lc_design *x, const double *plain, lc_arena *arena) {
  lc_index n = x->n, p = x->p;
  lc_host host = {.threads = 1};
  double b[COLUMNS], Z[ROWS], one[COLUMNS], stat[6][COLUMNS], y[ROWS];
  lc_index all[COLUMNS];
  for (lc_index j = 0; j < p; j++) {
    b[j] = 1 + (double)j / 4;
    all[j] = j;
  }
  lc_pass pass = {.K = 1, .B = b, .Z = Z};
  CHECK(x->ops->pass(x, &pass, &host, arena) == LC_OK);
  for (lc_index i = 0; i < n; i++) {
    double sum = 0, size = 0;
    for (lc_index j = 0; j < p; j++) {
      sum += plain[i + j * n] * b[j];
      size += fabs(plain[i + j * n] * b[j]);
    }
    if (size < 1e100) CHECK(fabs(Z[i] - sum) <= closeness(size));
    y[i] = (double)(i % 2);
  }
  for (lc_index i = 0; i < n; i++) Z[i] = 1;
  x->ops->col_dot(x, p, all, 1, Z, one, arena);
  lc_colstat stats = {stat[0], stat[1], stat[2], stat[3], stat[4], stat[5]};
  CHECK(lc_design_colstats(x, NULL, &host, &stats) == LC_OK);
  for (lc_index j = 0; j < p; j++) {
    double sum = 0, size = 0, most = 0;
    for (lc_index i = 0; i < n; i++) {
      sum += plain[i + j * n];
      size += fabs(plain[i + j * n]);
      most = fmax(most, fabs(plain[i + j * n]));
    }
    if (!(size < 1e100)) continue;
    CHECK(fabs(one[j] - sum) <= closeness(size));
    if (n == 0) continue;
    CHECK(fabs(stats.mean[j] - sum / (double)n) <= closeness(size));
    CHECK(stats.max_abs[j] == most);
    CHECK(stats.n_na[j] + stats.n_nan[j] + stats.n_inf[j] == 0);
  }
  lc_obs obs = {.n = n, .y = y};
  lc_unique_rows unique;
  int pays = 0;
  CHECK(lc_unique_rows_make(x, &obs, &unique, &pays, arena) == LC_OK);
  if (!pays) return;
  CHECK(2 * unique.design.n <= n); /* all of no rows */
  CHECK(fabs(lc_obs_total(&unique.obs) - (double)n) < 1e-9);
}

/* ---- compressed columns ----------------------------------------------------------------------------------------- */

static int sparse_is_valid(lc_index n, lc_index p, const int *start, lc_index nstart, const int *row, lc_index nrow,
                           lc_index nvalue) {
  if (nstart != p + 1 || nrow != nvalue || start[0] != 0) return 0;
  for (lc_index j = 0; j < p; j++)
    if (start[j] > start[j + 1] || start[j + 1] > nrow) return 0;
  for (lc_index j = 0; j < p; j++)
    for (int e = start[j]; e < start[j + 1]; e++)
      if (row[e] < 0 || row[e] >= n || (e > start[j] && row[e - 1] >= row[e])) return 0;
  return 1;
}

static void fuzz_sparse(ctest_input *in, lc_arena *arena) {
  int start[COLUMNS + 2], row[ENTRIES], entries = 0;
  double value[ENTRIES], plain[ROWS * COLUMNS] = {0};
  lc_index n = ctest_byte(in) % (ROWS + 1), p = ctest_byte(in) % (COLUMNS + 1);
  for (lc_index j = 0; j < p; j++) {
    unsigned which = ctest_byte(in);
    start[j] = entries;
    for (int i = 0; i < n; i++)
      if (which >> i & 1) {
        row[entries] = i;
        value[entries++] = ctest_any_number(in);
      }
  }
  start[p] = start[p + 1] = entries;
  lc_index nstart = p + 1, nrow = entries, nvalue = entries;
  for (unsigned times = ctest_byte(in) % 4; times > 0; times--) {
    unsigned at = ctest_byte(in);
    int other = ctest_any_integer(in);
    switch (at % 8) {
      case 0: nstart = p + at / 8 % 3; break;
      case 1: nrow -= nrow > 0; break;
      case 2: nvalue -= nvalue > 0; break;
      case 3:
      case 4: start[at / 8 % (unsigned)(p + 1)] = other; break;
      default:
        if (entries > 0) row[at / 8 % (unsigned)entries] = other;
    }
  }
  int valid = sparse_is_valid(n, p, start, nstart, row, nrow, nvalue);
  const char *wrong = lc_sparse_check(n, p, start, nstart, row, nrow, nvalue);
  CHECK((wrong == NULL) == valid);
  if (wrong) return;
  lc_csc csc = {start, row, value};
  lc_design x;
  lc_design_sparse(&x, n, p, &csc);
  for (lc_index j = 0; j < p; j++)
    for (int e = start[j]; e < start[j + 1]; e++) plain[row[e] + j * n] = value[e];
  check_design(&x, plain, arena);
}

/* ---- levels ----------------------------------------------------------------------------------------------------- */

static int part_is_valid(const lc_part *part, lc_index n, int numeric) {
  if (part->levels < 1 || (part->code == NULL) != numeric) return 0;
  if (numeric && (part->levels != 1 || !part->value)) return 0;
  for (lc_index i = 0; part->code && i < n; i++)
    if (part->code[i] < 1 || part->code[i] > part->levels) return 0;
  return 1;
}

static int coded_is_valid(lc_index n, lc_index p, const lc_coded *coded, lc_index nstart, lc_index nentries) {
  int64_t levels = 0;
  int owner[COLUMNS], last = -1;
  for (int t = 0; t < coded->nparts; t++) {
    if (!part_is_valid(coded->part + t, n, t < coded->nnumeric) || coded->part[t].first != levels) return 0;
    levels += coded->part[t].levels;
  }
  if (levels != coded->nlevels || nstart != levels + 1 || coded->start[0] != 0) return 0;
  for (int64_t l = 0; l < levels; l++)
    if (coded->start[l] > coded->start[l + 1] || coded->start[l + 1] > nentries) return 0;
  if (coded->start[levels] != nentries) return 0;
  for (lc_index j = 0; j < p; j++) owner[j] = -1;
  for (int t = 0; t < coded->nparts; t++) {
    const lc_part *part = coded->part + t;
    for (int l = part->first; l < part->first + part->levels; l++, last = -1)
      for (int e = coded->start[l]; e < coded->start[l + 1]; e++) {
        int j = coded->column[e];
        if (j <= last || j >= p || (owner[j] != -1 && owner[j] != t)) return 0;
        last = j;
        owner[j] = t;
        if (!part->code && coded->weight && coded->weight[e] != 1) return 0;
      }
    if (!part->code && coded->start[part->first + 1] - coded->start[part->first] != 1) return 0;
  }
  for (lc_index j = 0; j < p; j++)
    if (owner[j] == -1) return 0;
  return 1;
}

typedef struct levels {
  lc_part part[PARTS];
  int code[PARTS][ROWS], start[PARTS * LEVELS + 2], column[ENTRIES], owner[COLUMNS];
  double value[PARTS][ROWS], weight[ENTRIES];
  lc_coded coded;
} levels;

/* Numeric columns, then factors whose levels have columns of their part, as bits of a byte say. */
static lc_index make_levels(ctest_input *in, lc_index n, levels *out) {
  lc_index p = 0;
  int entries = 0, parts = (int)(ctest_byte(in) % (PARTS + 1)), numeric = (int)(ctest_byte(in) % (PARTS + 1));
  lc_coded *coded = &out->coded;
  *coded = (lc_coded){.part = out->part, .start = out->start, .column = out->column, .owner = out->owner};
  coded->nparts = parts;
  coded->nnumeric = numeric < parts ? numeric : parts;
  coded->weight = ctest_byte(in) % 2 ? out->weight : NULL;
  for (int t = 0; t < parts; t++) {
    int is_numeric = t < coded->nnumeric;
    unsigned shape = ctest_byte(in), count = is_numeric ? 1 : 1 + shape % LEVELS;
    unsigned width = is_numeric ? 1 : shape / 16 % 3;
    if (p + width > COLUMNS) width = 0;
    out->part[t] = (lc_part){is_numeric ? NULL : out->code[t], is_numeric || shape >= 128 ? out->value[t] : NULL,
                             (int)count, coded->nlevels};
    for (lc_index i = 0; i < n; i++) {
      out->code[t][i] = 1 + (int)(ctest_byte(in) % count);
      out->value[t][i] = ctest_any_number(in);
    }
    for (unsigned l = 0; l < count; l++) {
      unsigned which = l == 0 ? 255 : ctest_byte(in);
      out->start[coded->nlevels++] = entries;
      for (unsigned j = 0; j < width && entries < ENTRIES; j++)
        if (which >> j & 1) {
          out->column[entries] = (int)(p + j);
          out->weight[entries++] = is_numeric ? 1 : ctest_any_number(in);
        }
    }
    p += width;
  }
  out->start[coded->nlevels] = entries;
  return p;
}

static void write_out(const lc_coded *coded, lc_index n, double *plain) {
  for (int t = 0; t < coded->nparts; t++)
    for (lc_index i = 0; i < n; i++) {
      const lc_part *part = coded->part + t;
      int l = part->first + (part->code ? part->code[i] - 1 : 0);
      for (int e = coded->start[l]; e < coded->start[l + 1]; e++)
        plain[i + coded->column[e] * n] += (part->value ? part->value[i] : 1) * (coded->weight ? coded->weight[e] : 1);
    }
}

static void fuzz_levels(ctest_input *in, lc_arena *arena) {
  levels it;
  double plain[ROWS * COLUMNS] = {0};
  lc_index n = ctest_byte(in) % (ROWS + 1), p = make_levels(in, n, &it);
  lc_coded *coded = &it.coded;
  int entries = it.start[coded->nlevels], nlevels = coded->nlevels;
  lc_index nstart = nlevels + 1;
  for (unsigned times = ctest_byte(in) % 4; times > 0; times--) {
    unsigned at = ctest_byte(in), part = at / 8 % (unsigned)(coded->nparts > 0 ? coded->nparts : 1);
    int other = ctest_any_integer(in);
    switch (at % 8) {
      case 0: p = at / 8 % (COLUMNS + 1); break;
      case 1: it.code[part][at / 16 % ROWS] = other; break;
      case 2: it.start[at / 8 % (unsigned)(nlevels + 1)] = other; break;
      case 3:
        if (entries > 0) it.column[at / 8 % (unsigned)entries] = other;
        break;
      case 4: it.part[part].levels = other; break;
      case 5: it.part[part].first = other; break;
      case 6: coded->nlevels = nlevels + (int)(at / 8 % 3) - 1; break;
      default: coded->nnumeric = (int)(at / 8 % (unsigned)(coded->nparts + 1));
    }
  }
  int valid = coded_is_valid(n, p, coded, nstart, entries);
  const char *wrong = lc_coded_check(n, p, coded, nstart, entries, it.owner);
  CHECK((wrong == NULL) == valid);
  if (wrong) return;
  CHECK(lc_coded_index(n, p, coded, arena) == LC_OK);
  lc_design x;
  lc_design_coded(&x, n, p, coded);
  write_out(coded, n, plain);
  check_design(&x, plain, arena);
}

/* ---- settings and codings --------------------------------------------------------------------------------------- */

static void fuzz_settings(ctest_input *in) {
  unsigned which = ctest_byte(in) % (unsigned)(lc_solver_count + 1);
  const lc_field *fields = which ? lc_solvers[which - 1]->fields : lc_control_fields;
  int count = which ? lc_solvers[which - 1]->nfields : lc_control_field_count;
  if (count == 0) return;
  const lc_field *field = fields + ctest_byte(in) % (unsigned)count;
  static const double odd[] = {0, -0.0, NAN, INFINITY, -INFINITY, 0.5, 5e-324};
  unsigned kind = ctest_byte(in);
  double value = kind < 64 ? odd[kind % 7] : kind < 128 ? field->lower : field->upper;
  if (kind >= 192) value = ctest_any_number(in);
  lc_settings settings, before;
  memset(&settings, 0, sizeof settings);
  lc_settings_preset(&settings, fields, count);
  before = settings;
  lc_status status = lc_settings_set(&settings, fields, count, field->name, value);
  int within = value >= field->lower && value <= field->upper;
  if (field->integer && isfinite(value)) within = within && fmod(value, 1) == 0;
  CHECK((status == LC_OK) == (isnan(value) ? isnan(field->preset) != 0 : within));
  if (status != LC_OK) CHECK(memcmp(&settings, &before, sizeof settings) == 0);
  CHECK(lc_settings_set(&settings, fields, count, "no such field", value) == LC_INVALID);
}

static void fuzz_coding(ctest_input *in) {
  const lc_loss *loss = lc_losses + ctest_byte(in) % (unsigned)lc_loss_count;
  int k = ctest_any_integer(in), reference = (int)(ctest_byte(in) % 2);
  lc_coding coding;
  if (lc_coding_make(loss, k, reference, &coding) != LC_OK) return;
  CHECK(k >= 2 && k <= loss->most_classes && coding.k == k && coding.K >= 1 && coding.K <= k);
}

void ctest_fuzz_checks(const unsigned char *data, size_t size) {
  ctest_input in = {data, size};
  ctest_host host;
  lc_arena arena;
  ctest_host_init(&host);
  lc_arena_init(&arena, &host.host);
  switch (ctest_byte(&in) % 4) {
    case 0: fuzz_settings(&in); break;
    case 1: fuzz_coding(&in); break;
    case 2: fuzz_sparse(&in, &arena); break;
    default: fuzz_levels(&in, &arena);
  }
  ctest_host_free(&host);
}
