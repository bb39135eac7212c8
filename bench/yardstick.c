// The compiled yardstick: the models of this benchmark as a C programmer would sample them, for one core.
//
// Trials run in blocks that stay in the cache, as a structure of arrays, so that the compiler turns the inner loops into
// vector instructions: random words from 8 interleaved xoshiro256+ generators (Blackman and Vigna, 2018), two words of 32
// bits from each; a driver's state by thresholds looked up with its parents' joint state; the scenarios' weights as
// products over groups of drivers. The sizes of the model are fixed when it is compiled:
// D drivers of K states, S scenarios, T steps, ROWS the most rows of a table, PARENTS the most parents,
// GROUP drivers in a group, GROUPS groups, KEYS = K ** GROUP combinations of a group.
#include <stdint.h>
#include <string.h>

#define B 1024
#define LANES 8
#define SIMD _Pragma("omp simd")

typedef struct {
    int32_t parents[2][D];           // at the first step and later: how many
    int32_t node[2][D][PARENTS];     // which; D is the outcome
    int32_t size[2][D][PARENTS];     // how many states it has
    int32_t lag[2][D][PARENTS];
    int32_t threshold[2][D][K - 1][ROWS];  // of signed words: a state is the number of thresholds that a word reaches
    float weight[GROUPS][S][KEYS];
    float keep;
} Model;

typedef struct {
    double shares[T][S], first[T][S], moves[S][S], states[T][D][K];
} Sums;

static uint64_t s0[LANES], s1[LANES], s2[LANES], s3[LANES];
static int32_t world[2][D + 1][B], row[B], key[GROUPS][B];
static uint64_t raw[(D + 1) * B / 2];
static float weight[S][B], present[S][B], unseen[S][B];

static void seeded(uint64_t seed) {
    uint64_t *part[4] = {s0, s1, s2, s3};
    for (int lane = 0; lane < LANES; lane++)
        for (int i = 0; i < 4; i++) {  // splitmix64 (Steele, Lea and Flood, 2014)
            uint64_t z = seed += 0x9e3779b97f4a7c15ull;
            z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
            z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
            part[i][lane] = z ^ (z >> 31);
        }
}

static void draw_words(void) {
    for (int i = 0; i < (D + 1) * B / 2; i += LANES) {
        SIMD for (int lane = 0; lane < LANES; lane++) {
            uint64_t shifted = s1[lane] << 17;
            raw[i + lane] = s0[lane] + s3[lane];
            s2[lane] ^= s0[lane];
            s3[lane] ^= s1[lane];
            s1[lane] ^= s2[lane];
            s0[lane] ^= s3[lane];
            s2[lane] ^= shifted;
            s3[lane] = (s3[lane] << 45) | (s3[lane] >> 19);
        }
    }
}

static void draw_state(const int32_t (*restrict threshold)[ROWS], const int32_t *restrict u, int32_t *restrict state) {
    SIMD for (int i = 0; i < B; i++) {
        int32_t reached = 0;
        for (int k = 0; k < K - 1; k++) reached += u[i] >= threshold[k][row[i]];
        state[i] = reached;
    }
}

static void draw_drivers(const Model *m, int later, int32_t (*before)[B], int32_t (*now)[B], const int32_t *u) {
    for (int d = 0; d < D; d++) {
        int parents = m->parents[later][d];
        if (parents == 0) memset(row, 0, sizeof row);
        for (int p = 0; p < parents; p++) {
            int size = m->size[later][d][p];
            const int32_t *restrict from = (m->lag[later][d][p] ? before : now)[m->node[later][d][p]];
            if (p == 0) {
                SIMD for (int i = 0; i < B; i++) row[i] = from[i];
            } else {
                SIMD for (int i = 0; i < B; i++) row[i] = row[i] * size + from[i];
            }
        }
        draw_state(m->threshold[later][d], u + d * B, now[d]);
    }
}

static void weigh(const Model *m, int32_t (*now)[B]) {
    for (int g = 0; g < GROUPS; g++) {
        int from = g * GROUP, to = from + GROUP < D ? from + GROUP : D;
        memcpy(key[g], now[from], sizeof key[g]);
        for (int d = from + 1; d < to; d++)
            SIMD for (int i = 0; i < B; i++) key[g][i] = key[g][i] * K + now[d][i];
    }
    for (int s = 0; s < S; s++) {
        SIMD for (int i = 0; i < B; i++) weight[s][i] = m->weight[0][s][key[0][i]];
        for (int g = 1; g < GROUPS; g++)
            SIMD for (int i = 0; i < B; i++) weight[s][i] *= m->weight[g][s][key[g][i]];
    }
}

static double dot(const float *restrict a, const float *restrict b, int n) {
    float sum = 0;
    _Pragma("omp simd reduction(+ : sum)") for (int i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

static double total(const float *restrict a, int n) {
    float sum = 0;
    _Pragma("omp simd reduction(+ : sum)") for (int i = 0; i < n; i++) sum += a[i];
    return sum;
}

// The scenario's probabilities, carried along the drawn drivers.
static void carry(const Model *m, int t, int n, Sums *sums) {
    float keep = t ? m->keep : 0.0f, fresh = 1.0f - keep;
    SIMD for (int i = 0; i < B; i++) {
        float sum = 0;
        for (int s = 0; s < S; s++) sum += weight[s][i];
        float scale = fresh / sum;
        for (int s = 0; s < S; s++) weight[s][i] *= scale;
    }
    if (t)
        for (int a = 0; a < S; a++) {
            for (int b = 0; b < S; b++) sums->moves[a][b] += dot(present[a], weight[b], n);
            sums->moves[a][a] += keep * total(present[a], n);
        }
    for (int s = 0; s < S; s++) {
        if (t) {
            SIMD for (int i = 0; i < B; i++) present[s][i] = keep * present[s][i] + weight[s][i];
            sums->first[t][s] += dot(unseen[s], weight[s], n);
            SIMD for (int i = 0; i < B; i++) unseen[s][i] -= unseen[s][i] * weight[s][i];
        } else {
            memcpy(present[s], weight[s], sizeof present[s]);
            sums->first[t][s] += total(weight[s], n);
            SIMD for (int i = 0; i < B; i++) unseen[s][i] = 1.0f - weight[s][i];
        }
        sums->shares[t][s] += total(present[s], n);
    }
}

// The scenario drawn and counted; one word decides whether it is kept and, if not, where it goes.
static void draw_scenario(const Model *m, int t, int n, const int32_t *restrict before, int32_t *restrict now,
                          int32_t *restrict visited, const uint32_t *restrict u, Sums *sums) {
    float keep = t ? m->keep : 0.0f, scale = 0x1p-24f / (1.0f - keep), offset = keep / (1.0f - keep);
    SIMD for (int i = 0; i < B; i++) {
        float reached = 0, sum = 0, chosen = (float)(int32_t)(u[i] >> 8) * scale - offset;
        int32_t state = 0;
        for (int s = 0; s < S; s++) sum += weight[s][i];
        for (int s = 0; s < S - 1; s++) {
            reached += weight[s][i];
            state += chosen * sum >= reached;
        }
        now[i] = chosen < 0 ? before[i] : state;
    }
    uint32_t shares[S] = {0}, first[1 << S] = {0}, moves[S * S] = {0};
    for (int i = 0; i < n; i++) {
        int32_t bit = 1 << now[i];
        shares[now[i]]++;
        first[bit & ~visited[i]]++;
        visited[i] |= bit;
        if (t) moves[before[i] * S + now[i]]++;
    }
    for (int s = 0; s < S; s++) {
        sums->shares[t][s] += shares[s];
        sums->first[t][s] += first[1 << s];
        for (int b = 0; b < S; b++) sums->moves[s][b] += moves[s * S + b];
    }
}

static void count_states(int t, int n, int32_t (*now)[B], Sums *sums) {
    for (int d = 0; d < D; d++) {
        int32_t rest = n;
        for (int k = 1; k < K; k++) {
            int32_t count = 0;
            _Pragma("omp simd reduction(+ : count)") for (int i = 0; i < n; i++) count += now[d][i] == k;
            sums->states[t][d][k] += count;
            rest -= count;
        }
        sums->states[t][d][0] += rest;
    }
}

void run(const Model *m, int64_t trials, uint64_t seed, int carried, Sums *sums) {
    static int32_t visited[B];
    seeded(seed);
    memset(sums, 0, sizeof *sums);
    for (; trials > 0; trials -= B) {
        int n = trials < B ? (int)trials : B;
        memset(visited, 0, sizeof visited);
        for (int t = 0; t < T; t++) {
            int32_t (*before)[B] = world[t & 1], (*now)[B] = world[1 - (t & 1)];
            draw_words();
            draw_drivers(m, t > 0, before, now, (const int32_t *)raw);
            weigh(m, now);
            if (carried)
                carry(m, t, n, sums);
            else
                draw_scenario(m, t, n, before[D], now[D], visited, (const uint32_t *)raw + D * B, sums);
            count_states(t, n, now, sums);
        }
    }
}
