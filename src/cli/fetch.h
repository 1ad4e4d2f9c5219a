/* Things of the catalog: whether they are on this machine, and how they come onto it. */
#ifndef CLI_FETCH_H
#define CLI_FETCH_H

#include "cli/json.h"
#include "cli/options.h"

#include <stria/stria.h>

/* Fills `entry` with the one of this kind and name; false: there is none. */
bool fetch_named(const char *kind, const char *name, stria_catalog_entry *entry);
/* Prints size, licence, page and place, from column `from` on. */
void fetch_show(const stria_catalog_entry *entry, int from);
/* Size, licence, page, checked and place (null: not here) into an object. */
void fetch_facts(const stria_catalog_entry *entry, json_t *object);
/* `stria model fetch ADDRESS`: to the file of --output, else the address's last part in the working folder; with --sum
 * the file must have this SHA-256. */
int fetch_address(const options *given);
/* `stria data fetch NAME` and its kin: an entry of the kind, named by the second operand. Options: output, from, json.
 */
int fetch_run(const options *given, const char *kind);

#endif
