#include "heartbeat.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#define BEAT_NS 250000000ull
#define LOOP_STALL_NS 10000000000ull

struct vrift_heartbeat {
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t wake;
  bool stop; /* under `lock` */
  struct vrift_index_header *header;
  napi_threadsafe_function question;
  uint64_t answered_ns; /* atomic: when the event loop last answered */
  bool asked;           /* atomic: a question is under way */
};

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* On the event loop. */
static void answer(napi_env env, napi_value unused, void *context, void *data) {
  (void)unused;
  (void)data;
  struct vrift_heartbeat *heartbeat = context;
  if (env == NULL) return; /* the process ends */
  __atomic_store_n(&heartbeat->answered_ns, now_ns(), __ATOMIC_RELEASE);
  __atomic_store_n(&heartbeat->asked, false, __ATOMIC_RELEASE);
}

/* An access time that is 24 hours old is due: the next read changes it. An hour is left for a thread that does not get its turn. */
#define ACCESS_STANDS_NS (23ll * 3600 * 1000000000)

static void move_access_floor(struct vrift_index_header *header) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  __atomic_store_n(&header->access_floor_ns, (int64_t)now.tv_sec * 1000000000 + now.tv_nsec - ACCESS_STANDS_NS,
                   __ATOMIC_RELEASE);
}

static void beat(struct vrift_heartbeat *heartbeat) {
  move_access_floor(heartbeat->header);
  uint64_t now = now_ns(), answered = __atomic_load_n(&heartbeat->answered_ns, __ATOMIC_ACQUIRE);
  if (now - answered < LOOP_STALL_NS || answered > now)
    __atomic_store_n(&heartbeat->header->heartbeat_ns, now, __ATOMIC_RELEASE);
  if (!__atomic_exchange_n(&heartbeat->asked, true, __ATOMIC_ACQ_REL))
    napi_call_threadsafe_function(heartbeat->question, NULL, napi_tsfn_nonblocking);
}

static void *run(void *raw) {
  struct vrift_heartbeat *heartbeat = raw;
  struct timespec next;
  clock_gettime(CLOCK_MONOTONIC, &next);
  pthread_mutex_lock(&heartbeat->lock);
  while (!heartbeat->stop) {
    beat(heartbeat);
    uint64_t nanoseconds = (uint64_t)next.tv_nsec + BEAT_NS;
    next.tv_sec += (time_t)(nanoseconds / 1000000000u);
    next.tv_nsec = (long)(nanoseconds % 1000000000u);
    while (!heartbeat->stop && pthread_cond_timedwait(&heartbeat->wake, &heartbeat->lock, &next) == 0) continue;
    /* Stopped for a while (a debugger, a frozen group): no beats in a row afterwards. */
    if (now_ns() > (uint64_t)next.tv_sec * 1000000000u + BEAT_NS + (uint64_t)next.tv_nsec)
      clock_gettime(CLOCK_MONOTONIC, &next);
  }
  pthread_mutex_unlock(&heartbeat->lock);
  return NULL;
}

static void free_heartbeat(struct vrift_heartbeat *heartbeat) {
  pthread_mutex_destroy(&heartbeat->lock);
  pthread_cond_destroy(&heartbeat->wake);
  free(heartbeat);
}

/* The last thing that happens to it: no question is under way any more. */
static void finalize_question(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  free_heartbeat(data);
}

void vrift_heartbeat_stop(struct vrift_heartbeat *heartbeat) {
  pthread_mutex_lock(&heartbeat->lock);
  heartbeat->stop = true;
  pthread_cond_signal(&heartbeat->wake);
  pthread_mutex_unlock(&heartbeat->lock);
  pthread_join(heartbeat->thread, NULL);
  napi_release_threadsafe_function(heartbeat->question, napi_tsfn_abort);
}


static int start_thread(struct vrift_heartbeat *heartbeat) {
  sigset_t all, before;
  /* Without signals: they belong to the threads of Node. */
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int error = pthread_create(&heartbeat->thread, NULL, run, heartbeat);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return error;
}

struct vrift_heartbeat *vrift_heartbeat_start(napi_env env, struct vrift_index_header *header) {
  napi_value name;
  pthread_condattr_t monotonic;
  struct vrift_heartbeat *heartbeat = calloc(1, sizeof *heartbeat);
  if (!heartbeat) {
    vrift_throw(env, ENOMEM, "calloc", NULL);
    return NULL;
  }
  heartbeat->header = header;
  heartbeat->answered_ns = now_ns();
  pthread_mutex_init(&heartbeat->lock, NULL);
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_cond_init(&heartbeat->wake, &monotonic);
  pthread_condattr_destroy(&monotonic);
  napi_create_string_utf8(env, "vrift.heartbeat", NAPI_AUTO_LENGTH, &name);
  if (napi_create_threadsafe_function(env, NULL, NULL, name, 0, 1, heartbeat, finalize_question, heartbeat, answer,
                                      &heartbeat->question) != napi_ok) {
    free_heartbeat(heartbeat);
    vrift_throw(env, ENOMEM, "heartbeat", NULL);
    return NULL;
  }
  napi_unref_threadsafe_function(env, heartbeat->question);
  int error = start_thread(heartbeat);
  if (!error) return heartbeat;
  napi_release_threadsafe_function(heartbeat->question, napi_tsfn_abort);
  vrift_throw(env, error, "pthread_create", NULL);
  return NULL;
}
