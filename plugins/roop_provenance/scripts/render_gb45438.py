"""Makes ``gb45438.png``, the letters of China's label as an alpha picture: no font with them can be taken for granted.

Drawn with Noto Sans CJK SC Bold (Copyright 2014-2021 Adobe, SIL Open Font License 1.1, which does not reach what is drawn
with a font). Debian has it as ``fonts-noto-cjk``; name another copy of the file as the first argument.
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

TEXT = "AI合成"
#: Of the collection: Simplified Chinese.
FACE = 2
#: Letters of so many pixels serve pictures of twice 4K's height.
CAPITAL_PX = 224
FONT = "/usr/share/fonts/opentype/noto/NotoSansCJK-Bold.ttc"
OUT = Path(__file__).parents[1] / "src" / "roop_provenance" / "gb45438.png"


def main() -> None:
    path = sys.argv[1] if len(sys.argv) > 1 else FONT
    measured = ImageFont.truetype(path, 1000, index=FACE).getbbox("A")
    font = ImageFont.truetype(path, CAPITAL_PX * 1000 / (measured[3] - measured[1]), index=FACE)
    x0, y0, x1, y1 = (int(side) for side in font.getbbox(TEXT))
    picture = Image.new("L", (x1 - x0, y1 - y0))
    ImageDraw.Draw(picture).text((-x0, -y0), TEXT, font=font, fill=255)
    picture = picture.crop(picture.getbbox())
    picture.save(OUT, optimize=True)
    capital = ImageFont.truetype(path, font.size, index=FACE).getbbox("A")
    print(f"{font.getname()}: {picture.size}, capitals {(capital[3] - capital[1]) / picture.height:.4f} of the height")


if __name__ == "__main__":
    main()
