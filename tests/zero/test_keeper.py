"""What is kept while the node runs, whatever the disk does."""

from pathlib import Path

from steward_house.zero.keeper import Keeper
from steward_house.zero.storage import Storage


async def test_again_with_the_next(tmp_path: Path) -> None:
    """What couldn't be kept once, such as rules that nobody sends again, is kept as soon as anything can be."""
    directory = tmp_path / "state"
    directory.write_text("in the way")
    keeper = Keeper(Storage(directory))
    keeper.add("rules", lambda: b"[]")
    keeper.add("journal", lambda: b"{}")
    keeper.keep("rules")
    await keeper.save()
    directory.unlink()
    keeper.keep("journal")
    await keeper.save()
    assert (keeper.load("rules"), keeper.load("journal")) == (b"[]", b"{}")
