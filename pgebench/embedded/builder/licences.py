"""The licence texts that must travel with the pack."""

import shutil
from pathlib import Path

APACHE = "LICENSE-Apache-2.0.txt"
# Every Debian system carries it; the build needs Debian's tools anyway.
_APACHE_ON_DEBIAN = Path("/usr/share/common-licenses/Apache-2.0")

LICENCE_TEXTS = f"""## Licence texts
- CC BY 4.0: <https://creativecommons.org/licenses/by/4.0/>
- CC BY-SA 3.0: <https://creativecommons.org/licenses/by-sa/3.0/>
- Apache License 2.0: [{APACHE}]({APACHE})
- MIT, for fashion (Copyright (c) 2017 Zalando SE), animals (Copyright (c) 2025 SinaSR-6) and the file that sorts the
  emoji (Copyright (c) 2013 Cal Henderson):

> Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
> documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
> rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
> persons to whom the Software is furnished to do so, subject to the following conditions:
>
> The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
> Software.
>
> THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
> WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
> COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
> OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""


def write_apache(out: Path) -> None:
    """Copy the Apache License 2.0, which covers the Noto emoji, into `out`."""
    shutil.copyfile(_APACHE_ON_DEBIAN, out / APACHE)
