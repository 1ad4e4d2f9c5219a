/* Batches made ahead by threads of their own. Batches are numbered through all epochs; number n lies in slot n modulo
 * the slots. `next` is the one that is taken next: numbers next … opened − 1 are made or being made, and those up to
 * next + slots − 1 may be begun. Whichever thread makes what, in whatever order: a batch is a function of its number.
 */
#include "data/loader_inside.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/sizes.h"
#include "base/thread.h"

enum { SLOTS_LEAST = 2, SLOTS_MOST = 8, RING_BYTES = 64 << 20 };

typedef struct slot {
    batch_work work;       /* what it fills is the slot's */
    int64_t claimed, left; /* tasks that were begun, that are not done */
    bool ready;
} slot;

struct loader_ring {
    loader *l;
    int slot_count, order_count;
    slot *slots;
    epoch_order *orders; /* of epoch e at e modulo their number: as many as slots can be of at once */
    pthread_t *threads;
    int started;
    pid_t owner;          /* whose threads they are: a forked child has none of them */
    pthread_mutex_t lock; /* all that follows, and the slots */
    pthread_cond_t work, done;
    bool running; /* next and opened say something */
    bool quit;
    _Atomic bool given_up; /* tasks end early: their batches are not wanted */
    int busy;              /* threads that are in a task */
    int64_t next, opened;
    int64_t end; /* batches from here on are not begun */
};

static size_t batch_bytes(const loader *l) {
    int64_t items = int64_min(l->o.batch, dataset_count(l->data));
    return (size_t)size_mul(items, loader_item_size(l) * (int64_t)sizeof(float)) * (l->o.target ? 2 : 1);
}

static int slots_of(const loader *l) {
    if (l->o.ahead > 0) return l->o.ahead < SLOTS_LEAST ? SLOTS_LEAST : l->o.ahead;
    size_t fit = RING_BYTES / batch_bytes(l);
    if (l->o.apart) fit = (size_t)int64_min((int64_t)fit, loader_batches(l));
    return fit < SLOTS_LEAST ? SLOTS_LEAST : fit > SLOTS_MOST ? SLOTS_MOST : (int)fit;
}

int ring_slots(const loader_ring *r) {
    return r->slot_count;
}

size_t ring_bytes(const loader_ring *r) {
    size_t items = (size_t)int64_min(r->l->o.batch, dataset_count(r->l->data));
    size_t order = r->l->o.shuffle ? (size_t)dataset_count(r->l->data) * sizeof(int64_t) : 0;
    return (size_t)r->slot_count * (batch_bytes(r->l) + 2 * items * sizeof(int64_t)) + (size_t)r->order_count * order;
}

static stria_status slot_init(slot *s, loader *l, stria_error *err) {
    size_t items = (size_t)int64_min(l->o.batch, dataset_count(l->data)), each = (size_t)loader_item_size(l);
    TRY(batch_work_init(&s->work, l, err));
    TRY(mem_new(&s->work.to.image, items, each * sizeof(float), "batches that are loaded ahead", err));
    if (l->o.target)
        TRY(mem_new(&s->work.to.target, items, each * sizeof(float), "batches that are loaded ahead", err));
    TRY(mem_new(&s->work.to.label, items, sizeof(int64_t), "batches that are loaded ahead", err));
    return mem_new(&s->work.to.index, items, sizeof(int64_t), "batches that are loaded ahead", err);
}

static void slot_release(slot *s) {
    mem_free(s->work.to.image);
    mem_free(s->work.to.target);
    mem_free(s->work.to.label);
    mem_free(s->work.to.index);
    batch_work_release(&s->work);
}

static stria_status ring_make(loader_ring *r, stria_error *err) {
    int64_t batches = loader_batches(r->l);
    r->slot_count = slots_of(r->l);
    r->order_count = (int)ceil_div(r->slot_count - 1, batches) + 1;
    TRY(mem_new(&r->slots, (size_t)r->slot_count, sizeof *r->slots, "batches that are loaded ahead", err));
    for (int i = 0; i < r->slot_count; i++) TRY(slot_init(&r->slots[i], r->l, err));
    for (int i = 0; i < r->slot_count; i++) r->slots[i].work.given_up = &r->given_up;
    TRY(mem_new(&r->orders, (size_t)r->order_count, sizeof *r->orders, "the order of the data", err));
    for (int i = 0; i < r->order_count; i++) TRY(loader_order_new(r->l, &r->orders[i], err));
    return mem_new(&r->threads, (size_t)r->l->o.threads, sizeof *r->threads, "threads that load pictures", err);
}

stria_status ring_new(loader_ring **out, loader *l, stria_error *err) {
    loader_ring *r;
    TRY(mem_new(&r, 1, sizeof *r, "batches that are loaded ahead", err));
    r->l = l;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->work, NULL);
    pthread_cond_init(&r->done, NULL);
    stria_status status = ring_make(r, err);
    if (status == STRIA_OK) *out = r;
    else ring_free(r);
    return status;
}

/* ---- the threads ---- */

/* Under the lock, which a permutation of a million items holds for some milliseconds, once an epoch. */
static void slot_open(loader_ring *r) {
    int64_t batches = loader_batches(r->l), epoch = r->opened / batches;
    slot *s = &r->slots[r->opened % r->slot_count];
    epoch_order *order = &r->orders[epoch % r->order_count];
    loader_order_make(r->l, epoch, order);
    batch_work_begin(&s->work, epoch, r->opened % batches, order->items);
    s->claimed = 0;
    s->left = batch_work_tasks(&s->work);
    s->ready = false;
    r->opened++;
}

/* A task of the first batch that has one left; begins a batch where none has and there is room. NULL: none. */
static slot *task_claim(loader_ring *r, int64_t *task) {
    if (!r->running || atomic_load(&r->given_up)) return NULL;
    for (int64_t n = r->next; n < int64_min(r->next + r->slot_count, r->end); n++) {
        if (n == r->opened) slot_open(r);
        slot *s = &r->slots[n % r->slot_count];
        if (s->claimed == batch_work_tasks(&s->work)) continue;
        *task = s->claimed++;
        return s;
    }
    return NULL;
}

/* Called and returns under the lock. */
static void task_do(loader_ring *r, slot *s, int64_t task) {
    r->busy++;
    pthread_mutex_unlock(&r->lock);
    batch_work_task(&s->work, task);
    pthread_mutex_lock(&r->lock);
    bool last = --s->left == 0;
    if (last && !atomic_load(&r->given_up)) {
        pthread_mutex_unlock(&r->lock);
        batch_work_mix(&s->work, NULL);
        pthread_mutex_lock(&r->lock);
    }
    s->ready = last;
    r->busy--;
    if (last || r->busy == 0) pthread_cond_broadcast(&r->done);
}

static void *ring_thread(void *argument) {
    loader_ring *r = argument;
    pthread_mutex_lock(&r->lock);
    while (!r->quit) {
        int64_t task;
        slot *s = task_claim(r, &task);
        if (s) task_do(r, s, task);
        else pthread_cond_wait(&r->work, &r->lock);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

static stria_status threads_start(loader_ring *r, stria_error *err) {
    r->owner = getpid();
    while (r->started < r->l->o.threads) {
        int result = thread_start(&r->threads[r->started], ring_thread, r);
        if (result)
            FAIL(err, STRIA_NO_MEMORY, "cannot start thread %d of %d that load pictures: %s", r->started + 1,
                 r->l->o.threads, strerror(result));
        r->started++;
    }
    return STRIA_OK;
}

static bool is_forked(const loader_ring *r) {
    return r->started && r->owner != getpid();
}

/* ---- who takes ---- */

/* Under the lock: no thread is in a task, and none begins one. */
static void work_stop(loader_ring *r) {
    atomic_store(&r->given_up, true);
    while (r->busy) pthread_cond_wait(&r->done, &r->lock);
    atomic_store(&r->given_up, false);
    r->running = false;
}

void ring_rest(loader_ring *r) {
    if (!r->started || is_forked(r)) return;
    pthread_mutex_lock(&r->lock);
    work_stop(r);
    pthread_mutex_unlock(&r->lock);
}

/* Waits until the batch of this number is made. */
static slot *slot_wait(loader_ring *r, int64_t number) {
    pthread_mutex_lock(&r->lock);
    if (!r->running || r->next != number || number >= r->end) {
        work_stop(r);
        r->next = r->opened = number;
        r->end = r->l->o.apart ? (number / loader_batches(r->l) + 1) * loader_batches(r->l) : INT64_MAX;
        r->running = true;
        pthread_cond_broadcast(&r->work);
    }
    slot *s = &r->slots[number % r->slot_count];
    while (r->opened == number || !s->ready) pthread_cond_wait(&r->done, &r->lock);
    pthread_mutex_unlock(&r->lock);
    return s;
}

static void slot_give_back(loader_ring *r) {
    pthread_mutex_lock(&r->lock);
    r->next++;
    pthread_cond_broadcast(&r->work);
    pthread_mutex_unlock(&r->lock);
}

typedef struct copy_job {
    const float *from;
    float *to;
    size_t bytes;
    int64_t item; /* floats */
} copy_job;

static void item_copy(void *context, int64_t i, int worker) {
    const copy_job *job = context;
    memcpy(job->to + i * job->item, job->from + i * job->item, job->bytes);
}

static void batch_copy(const batch_work *w, pool *workers, const sample *to) {
    int64_t size = loader_item_size(w->l);
    copy_job job = {w->to.image, to->image, (size_t)size * sizeof *to->image, size};
    pool_run(workers, item_copy, &job, w->items);
    job.from = w->to.target, job.to = to->target;
    if (to->target) pool_run(workers, item_copy, &job, w->items);
    if (to->label) memcpy(to->label, w->to.label, (size_t)w->items * sizeof *to->label);
    if (to->index) memcpy(to->index, w->to.index, (size_t)w->items * sizeof *to->index);
}

static void task_run(void *context, int64_t task, int worker) {
    batch_work_task(context, task);
}

/* In a forked child, whose copy may be of any moment: over its pool, with what no thread writes to there. */
static batch_work *alone(loader_ring *r, pool *workers, int64_t epoch, int64_t batch) {
    batch_work *w = &r->slots[0].work;
    atomic_store(&r->given_up, false);
    r->orders[0].epoch = -1;
    loader_order_make(r->l, epoch, &r->orders[0]);
    batch_work_begin(w, epoch, batch, r->orders[0].items);
    pool_run(workers, task_run, w, batch_work_tasks(w));
    batch_work_mix(w, workers);
    return w;
}

stria_status ring_fill(loader_ring *r, pool *workers, int64_t epoch, int64_t batch, const sample *to,
                       stria_error *err) {
    bool forked = is_forked(r);
    if (!forked && r->started < r->l->o.threads) TRY(threads_start(r, err));
    batch_work *w =
        forked ? alone(r, workers, epoch, batch) : &slot_wait(r, epoch * loader_batches(r->l) + batch)->work;
    stria_status status = batch_work_end(w, err);
    if (status == STRIA_OK) batch_copy(w, workers, to);
    if (!forked) slot_give_back(r);
    return status;
}

static void threads_stop(loader_ring *r) {
    pthread_mutex_lock(&r->lock);
    r->quit = true;
    atomic_store(&r->given_up, true);
    pthread_cond_broadcast(&r->work);
    pthread_mutex_unlock(&r->lock);
    for (int i = 0; i < r->started; i++) pthread_join(r->threads[i], NULL);
}

void ring_free(loader_ring *r) {
    if (!r) return;
    if (!is_forked(r)) {
        threads_stop(r);
        pthread_cond_destroy(&r->work);
        pthread_cond_destroy(&r->done);
        pthread_mutex_destroy(&r->lock);
    }
    for (int i = 0; r->slots && i < r->slot_count; i++) slot_release(&r->slots[i]);
    for (int i = 0; r->orders && i < r->order_count; i++) mem_free(r->orders[i].items);
    mem_free(r->slots);
    mem_free(r->orders);
    mem_free(r->threads);
    mem_free(r);
}
