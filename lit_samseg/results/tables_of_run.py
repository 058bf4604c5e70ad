"""Which tables are written of a finished run, and in which order."""

from lit_samseg.results.cause_tables import cause_tables
from lit_samseg.results.contents import Results
from lit_samseg.results.run_tables import classes_table, ends_table, harm_table, scores_table, tags_table
from lit_samseg.results.text_table import TextTable


def summary_of_run(results: Results) -> list[TextTable]:
    """Return what is read first: scores, where differences come from, harm."""
    rows = results["rows"]
    tables = [scores_table(results), *cause_tables(rows)]
    if len(rows) > 1:
        tables.append(harm_table(rows))
    return tables


def tables_of_run(results: Results) -> list[TextTable]:
    """Return all tables: the summary; row by row regions by tag, and the images at either end; classes."""
    rows = results["rows"]
    tables = summary_of_run(results)
    tables += [tags_table(row) for row in rows if "tags" in row]
    tables += [ends_table(row) for row in rows if "harm" in row]
    if len(rows) > 1:
        tables.append(classes_table(rows))
    return tables
