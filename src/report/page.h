/* report.html: one file without outside links. */
#ifndef REPORT_PAGE_H
#define REPORT_PAGE_H

#include "report/history.h"
#include "report/judge.h"
#include "report/net.h"
#include "report/pairs.h"
#include "report/sheet.h"
#include "report/words.h"

typedef enum page_state { PAGE_RUNNING, PAGE_COMPLETE, PAGE_STOPPED } page_state;

typedef struct page_fact {
    const char *name; /* one of words.c */
    const char *value;
    bool code; /* a command */
} page_fact;

enum {
    PAGE_BOXES_MAX = 400, /* of the drawn network, for net_make */
    PAGE_CELLS = 120      /* of a name; what is longer is cut */
};

/* The contents of a page; NULL and 0: not available. The page neither changes nor owns them. */
typedef struct page {
    words_language language;
    page_state state;
    const char *title; /* the run folder */
    const history *history;
    int64_t epochs;                /* of the training; 0: not known */
    const stria_evaluation *score; /* of the model on evaluated_on */
    const char *evaluated_on;
    const judge *judge;
    const sheet *sheet;
    const pairs *pairs; /* of evaluated_on, by a model that gives pictures back */
    const net *net;
    const stria_summary *summary;
    const page_fact *facts;
    int fact_count;
} page;

/* The whole file. A running page shows its next version every few seconds, without a jump. */
void page_write(out *o, const page *p);

/* ---- page_score.c, page_net.c: sections ---- */
void page_score(out *o, const page *p);
void page_pictures(out *o, const page *p);
void page_sheet(out *o, const page *p);
void page_pairs(out *o, const page *p);
void page_net(out *o, const page *p);

/* ---- page_style.c ---- */
extern const char page_style[], page_script[];

/* ---- page.c: what every page has ---- */

/* From the doctype to <body>; english: what kind of page it is. */
void page_head(out *o, const page *p, const char *english);
/* From the footer to </html>; script: the page may show its next version. */
void page_end(out *o, const page *p, bool script);
void page_tile(out *o, const page *p, const char *english, const char *value);
void page_facts(out *o, const page *p);

/* The phrase in the page's language, for an attribute or text: it needs no escaping. */
const char *page_word(const page *p, const char *english);
/* <h2 id="ID">PHRASE</h2> in a section that page_section_end ends. */
void page_section(out *o, const page *p, const char *id, const char *english);
void page_section_end(out *o);
/* A table that a narrow screen scrolls sideways, by keyboard too, folded away under `caption`. */
void page_table(out *o, const page *p, const char *caption, const char *const *headings, int columns);
void page_table_end(out *o);
void page_cell(out *o, const char *text, bool number);

#endif
