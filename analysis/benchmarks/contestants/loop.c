/* The ensembles of problems A, B and C by hand: what the machine gives for the same numbers.
 *
 * Counter-based generator and layout as in sdesim/noise/philox.py, so that the same seed gives the same
 * trajectories: counter = (trajectory, coordinate, step pair, word), key = (seed low, seed high), stream 0.
 * Work goes in blocks of W trajectories held as (d, W); every loop over w is branch-free, so that the compiler
 * vectorises it. The polynomials are those of philox.py (Cephes; series of artanh and exp).
 *
 * usage: loop PROBLEM TRAJECTORIES STEPS SEED THETA0 DT NOISE ALPHA TRUNCATION LAMBDA...
 *   PROBLEM: A, B or C. NOISE: D (A, B) or the stable scale sigma (C). ALPHA, TRUNCATION: for C.
 *   LAMBDA...: one curvature for each coordinate (B).
 * Prints one line of JSON when ready and after each line read: seconds, CPU seconds, and of the last state the
 * mean square and the mean of min(|x - theta0|, 1) with its standard error. Ends with its input.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define W 64
#define MASK 0xFFFFFFFFull
#define ROUND 0x1.8p52
#define INLINE static inline __attribute__((always_inline))

typedef uint64_t u64;
typedef struct { double first, second; } pair_t;

typedef struct {
    char problem;
    u64 trajectories, steps, seed, dim;
    double theta0, dt, noise, alpha, truncation;
    const double *lambda;
} problem_t;

INLINE u64 to_bits(double x) { u64 b; memcpy(&b, &x, 8); return b; }
INLINE double from_bits(u64 b) { double x; memcpy(&x, &b, 8); return x; }

/* Uniform on (0, 1) from two words: (k + 1/2) 2^-52. */
INLINE double uniform(u64 high, u64 low)
{
    u64 mantissa = ((high << 20) | (low >> 12)) & 0xFFFFFFFFFFFFFull;
    return from_bits(mantissa | 0x3FF0000000000000ull) - (1.0 - 0x1p-53);
}

/* Philox4x32-10 (Salmon et al., SC11), and two uniforms of its four words. */
INLINE pair_t uniforms(u64 seed, u64 trajectory, u64 coordinate, u64 pair, u64 word)
{
    u64 a = trajectory, b = coordinate, c = pair, d = word, k0 = seed & MASK, k1 = seed >> 32;
#pragma GCC unroll 10
    for (int round = 0; round < 10; round++) {
        u64 p0 = (a & MASK) * 0xD2511F53ull, p1 = (c & MASK) * 0xCD9E8D57ull;
        a = (p1 >> 32) ^ b ^ k0;
        c = (p0 >> 32) ^ d ^ k1;
        b = p1 & MASK;
        d = p0 & MASK;
        k0 = (k0 + 0x9E3779B9ull) & MASK;
        k1 = (k1 + 0xBB67AE85ull) & MASK;
    }
    return (pair_t){uniform(a, b), uniform(c, d)};
}

/* log x: x = 2^e m, m in [sqrt(1/2), sqrt 2), log m = 2 artanh((m - 1)/(m + 1)). */
INLINE double log_of(double x)
{
    u64 bits = to_bits(x), above = bits - 0x3FE6A09E667F3BCDull;
    /* The rounding constant turns a small integer into a float64 without an instruction that AVX2 lacks. */
    double e = from_bits((u64)((int64_t)above >> 52) + 0x4338000000000000ull) - ROUND;
    double m = from_bits(bits - (above & 0xFFF0000000000000ull));
    double f = (m - 1.0) / (m + 1.0), s = f * f, p = 2.0 / 19;
    p = p * s + 2.0 / 17;
    p = p * s + 2.0 / 15;
    p = p * s + 2.0 / 13;
    p = p * s + 2.0 / 11;
    p = p * s + 2.0 / 9;
    p = p * s + 2.0 / 7;
    p = p * s + 2.0 / 5;
    p = p * s + 2.0 / 3;
    return e * 0.6931471805599453 + (2.0 * f + f * (s * p));
}

/* cos 2 pi u and sin 2 pi u. */
INLINE pair_t cos_sin(double u)
{
    double shifted = u * 4.0 + ROUND;
    u64 quarter = to_bits(shifted);
    double r = (u * 4.0 - (shifted - ROUND)) * (0.5 * 3.14159265358979323846), z = r * r;
    double s = 1.58962301576546568060e-10;
    s = s * z - 2.50507477628578072866e-8;
    s = s * z + 2.75573136213857245213e-6;
    s = s * z - 1.98412698295895385996e-4;
    s = s * z + 8.33333333332211858878e-3;
    s = s * z - 1.66666666666666307295e-1;
    s = r * (s * z + 1.0);
    double c = -1.13585365213876817300e-11;
    c = c * z + 2.08757008419747316778e-9;
    c = c * z - 2.75573141792967388112e-7;
    c = c * z + 2.48015872888517045348e-5;
    c = c * z - 1.38888888888730564116e-3;
    c = c * z + 4.16666666666665929218e-2;
    c = c * (z * z) + (1.0 - 0.5 * z);
    double sine = quarter & 1 ? c : s, cosine = quarter & 1 ? s : c;
    return (pair_t){
        from_bits(to_bits(cosine) ^ (((quarter + 1) & 2) << 62)),
        from_bits(to_bits(sine) ^ ((quarter & 2) << 62)),
    };
}

/* e^x for |x| < 700. */
INLINE double exp_of(double x)
{
    double shifted = x * (1.0 / 0.6931471805599453) + ROUND, k = shifted - ROUND;
    double r = (x - k * 0.693145751953125) - k * 1.42860682030941723212e-6, p = 1.0 / 6227020800;
    p = p * r + 1.0 / 479001600;
    p = p * r + 1.0 / 39916800;
    p = p * r + 1.0 / 3628800;
    p = p * r + 1.0 / 362880;
    p = p * r + 1.0 / 40320;
    p = p * r + 1.0 / 5040;
    p = p * r + 1.0 / 720;
    p = p * r + 1.0 / 120;
    p = p * r + 1.0 / 24;
    p = p * r + 1.0 / 6;
    p = p * r + 0.5;
    p = p * r + 1.0;
    return from_bits((to_bits(shifted) + 1023) << 52) * (r * p + 1.0);
}

/* Box-Muller: the normals of steps 2 pair and 2 pair + 1. */
INLINE void fill_normals(u64 seed, u64 first, u64 coordinate, u64 pair, double *z0, double *z1)
{
    for (int w = 0; w < W; w++) {
        pair_t u = uniforms(seed, first + w, coordinate, pair, 0), turn = cos_sin(u.second);
        double radius = sqrt(-2.0 * log_of(u.first));
        z0[w] = radius * turn.first;
        z1[w] = radius * turn.second;
    }
}

/* Chambers-Mallows-Stuck for symmetric laws, unit scale. */
INLINE void fill_stable(u64 seed, u64 first, u64 pair, u64 word, double alpha, double *z)
{
    double epsilon = 1.0 - alpha, power = epsilon / alpha;
    for (int w = 0; w < W; w++) {
        pair_t u = uniforms(seed, first + w, 0, pair, word);
        double turns = 0.5 * u.second - 0.25, cosine = cos_sin(turns).first;
        double a = cos_sin(turns * epsilon).first / (-log_of(u.first) * cosine);
        double exponent = power * log_of(a);
        exponent = exponent < -600.0 ? -600.0 : exponent > 600.0 ? 600.0 : exponent;
        z[w] = cos_sin(turns * alpha).second / cosine * exp_of(exponent);
    }
}

/* x <- x - x (x^2 - 1) dt + increment, the double well (x^2 - 1)^2/4. */
INLINE double double_well_step(double x, double dt, double increment)
{
    return x + (increment - dt * (x * (x * x - 1.0)));
}

static void gaussian_block(const problem_t *p, u64 first, double *x)
{
    double z0[W], z1[W], scale = sqrt(2.0 * p->noise * p->dt), dt = p->dt;
    for (u64 pair = 0; pair < p->steps / 2; pair++) {
        fill_normals(p->seed, first, 0, pair, z0, z1);
        for (int w = 0; w < W; w++) {
            double y = double_well_step(x[w], dt, scale * z0[w]);
            x[w] = double_well_step(y, dt, scale * z1[w]);
        }
    }
}

static void quadratic_block(const problem_t *p, u64 first, double *x)
{
    double z0[W], z1[W], scale = sqrt(2.0 * p->noise * p->dt), dt = p->dt;
    for (u64 pair = 0; pair < p->steps / 2; pair++) {
        for (u64 i = 0; i < p->dim; i++) {
            double rate = p->lambda[i], *row = x + i * W;
            fill_normals(p->seed, first, i, pair, z0, z1);
            for (int w = 0; w < W; w++) {
                double y = row[w] + (scale * z0[w] - dt * (rate * row[w]));
                row[w] = y + (scale * z1[w] - dt * (rate * y));
            }
        }
    }
}

static void stable_block(const problem_t *p, u64 first, double *x)
{
    double z[W], scale = p->noise * pow(p->dt, 1.0 / p->alpha), dt = p->dt, limit = p->truncation;
    for (u64 step = 0; step < p->steps; step++) {
        fill_stable(p->seed, first, step / 2, step % 2, p->alpha, z);
        for (int w = 0; w < W; w++) {
            double jump = scale * z[w];
            jump = jump < -limit ? -limit : jump > limit ? limit : jump;
            x[w] = double_well_step(x[w], dt, jump);
        }
    }
}

static double now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

/* Whole blocks only: TRAJECTORIES is a multiple of W. */
static void run_once(const problem_t *p, double *x)
{
    double wall = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID);
    for (u64 first = 0; first < p->trajectories; first += W) {
        double *block = x + first * p->dim;
        for (u64 k = 0; k < W * p->dim; k++)
            block[k] = p->theta0;
        if (p->problem == 'A')
            gaussian_block(p, first, block);
        else if (p->problem == 'B')
            quadratic_block(p, first, block);
        else
            stable_block(p, first, block);
    }
    wall = now(CLOCK_MONOTONIC) - wall;
    cpu = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    double square = 0.0, moment = 0.0, spread = 0.0;
    for (u64 k = 0; k < p->trajectories; k++) {
        double mean = 0.0;
        for (u64 i = 0; i < p->dim; i++) {
            double y = x[(k / W) * W * p->dim + i * W + k % W];
            square += y * y;
            mean += fmin(fabs(y - p->theta0), 1.0) / p->dim;
        }
        moment += mean;
        spread += mean * mean;
    }
    moment /= p->trajectories;
    spread = sqrt(fmax(spread / p->trajectories - moment * moment, 0.0) / p->trajectories);
    printf("{\"seconds\": %.9g, \"cpu_seconds\": %.9g, \"mean_square\": %.17g, \"moment\": %.17g, "
           "\"moment_error\": %.9g}\n", wall, cpu, square / (p->trajectories * p->dim), moment, spread);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    if (argc < 10) {
        fprintf(stderr, "usage: loop PROBLEM TRAJECTORIES STEPS SEED THETA0 DT NOISE ALPHA TRUNCATION LAMBDA...\n");
        return 2;
    }
    u64 dim = argc > 10 ? argc - 10 : 1;
    double *lambda = malloc(dim * sizeof(double));
    for (int k = 10; k < argc; k++)
        lambda[k - 10] = atof(argv[k]);
    problem_t p = {
        .problem = argv[1][0], .trajectories = strtoull(argv[2], 0, 10), .steps = strtoull(argv[3], 0, 10),
        .seed = strtoull(argv[4], 0, 10), .dim = dim, .theta0 = atof(argv[5]), .dt = atof(argv[6]),
        .noise = atof(argv[7]), .alpha = atof(argv[8]), .truncation = atof(argv[9]), .lambda = lambda,
    };
    if (p.trajectories % W || p.steps % 2 || !p.trajectories || !strchr("ABC", p.problem)) {
        fprintf(stderr, "TRAJECTORIES must be a multiple of %d, STEPS even, PROBLEM one of A, B, C\n", W);
        return 2;
    }
    double *x = malloc(p.trajectories * dim * sizeof(double));
    char line[64];
    printf("{\"ready\": true}\n");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin))
        run_once(&p, x);
    return 0;
}
