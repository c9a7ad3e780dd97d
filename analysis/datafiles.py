"""Where the files in data/ lie, in a checkout and in an installed package."""

from __future__ import annotations

from pathlib import Path

from analysis.errors import DataError, Problem


def data_file(*parts: str) -> Path:
    """Where does the shipped file (or folder) `data/<parts>` lie?

    Parameters
    ----------
    *parts : str
        The path below `data/`, for example `"instruments", "psi_core.toml"`.

    Returns
    -------
    pathlib.Path
        An existing file or folder.

    Raises
    ------
    DataError
        When nothing of that name is shipped; the message lists what is there.

    Checked against
    ---------------
    What is shipped, and names that lead out of it: tests/analysis/test_datafiles.py.

    Examples
    --------
    >>> data_file("instruments").is_dir()
    True
    """
    package = Path(__file__).resolve().parent
    root = package / "data" if (package / "data").is_dir() else package.parent / "data"
    path = root.joinpath(*parts)
    plain = all(Path(part).name == part for part in parts)
    if not plain or root not in (path.resolve(), *path.resolve().parents) or not path.exists():
        folder = root.joinpath(*parts[:-1])
        kind = Path(parts[-1]).suffix  # a picture beside a questionnaire is no answer to who looks for a questionnaire
        entries = [entry for entry in folder.iterdir() if not kind or entry.suffix == kind] if folder.is_dir() else []
        known = ", ".join(sorted(entry.stem for entry in entries)) or "nothing"
        raise DataError(Problem("/".join(("data", *parts)), "no such file is shipped", f"Shipped there: {known}."))
    return path
