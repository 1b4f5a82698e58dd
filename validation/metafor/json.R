# Writes nested lists of numbers and strings as JSON with all 17 digits, in base R.
to_json <- function(x, indent = 0) {
  pad <- strrep(" ", indent)
  if (is.list(x)) {
    inner <- vapply(x, to_json, "", indent = indent + 1)
    if (is.null(names(x))) return(paste0("[\n", paste0(pad, " ", inner, collapse = ",\n"), "\n", pad, "]"))
    keys <- paste0("\"", names(x), "\": ", inner)
    return(paste0("{\n", paste0(pad, " ", keys, collapse = ",\n"), "\n", pad, "}"))
  }
  x <- unname(c(x))
  one <- function(v) {
    if (is.character(v)) return(paste0("\"", gsub("\"", "'", gsub("\\s+", " ", v)), "\""))
    if (is.logical(v) && !is.na(v)) return(if (v) "true" else "false")
    if (is.na(v) || !is.finite(v)) return("null")
    format(as.numeric(v), digits = 17)
  }
  if (length(x) == 0) return("null")
  parts <- vapply(x, one, "")
  if (length(x) == 1) parts else paste0("[", paste(parts, collapse = ", "), "]")
}

write_reference <- function(cases, path) {
  out <- list(source = paste("metafor", packageVersion("metafor"), R.version.string), cases = cases)
  writeLines(to_json(out), path)
}
