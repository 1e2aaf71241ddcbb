"""Cuts Japanese, which has no spaces, into phrases about nano's world and what is left over.

Knows the everyday phrases that nano's captions don't have, and no grammar beyond them.
"""

from __future__ import annotations

import re
from collections.abc import Set
from itertools import groupby, pairwise

from generator.nano.everyday_words import Everyday, spellings

LETTER = "ぁ-ゖァ-ヺー一-鿿々〆"  # a character class of kana and kanji
_KANA = re.compile("[ぁ-ゖ]")
_KANJI = re.compile("[一-鿿々〆]")

EVERYDAY = Everyday(
    words=spellings("""
    の が を に で は と も へ や か ね よ な から まで より だけ など って だ です ます ください
    下さい お願い お願いします 描いて 描く 作って 作る 見せて 生成 生成して ほしい 欲しい たい
    アニメ アニメーション 動画 画像 映像 イラスト 絵 シーン ループ ループする ループして 繰り返し
    繰り返す 繰り返して 何度も 何回も 回 度 秒 枚 ずっと いつも また もう とても すごく かなり 少し
    ちょっと ゆっくり ゆっくりと 速く 早く 速い 早い 素早く すばやく 高速 高速で 低速で 一定 速度
    スピード 急に だんだん 徐々に 次第に どんどん 少しずつ 大きく 小さく 大きい 小さい 大きな 小さな
    巨大な 小さめ 大きめ 中くらい 可愛い かわいい きれいな 綺麗な 綺麗に きれいに 美しい 楽しく
    楽しそうに 元気に 静かに 軽やかに 滑らかに なめらかに 滑らかな スムーズに 優しく ふわふわ
    くるくる ぐるぐる ぴょんぴょん ピョンピョン ポンポン ぽんぽん バウンド バウンドする バウンドして
    くるっと すーっと 画面 画面上 中央 真ん中 中心 中 端 隅 全体 左 右 上 下 前 奥 横 縦 後ろ 手前
    左側 右側 上側 下側 左端 右端 上下 左右 上下に 左右に 上方 下方 上向き 下向き 方 ほう 方向
    向かって 向かう 向き 時計回り 反時計回り その場 その場で 単色 無地 シンプル シンプルな 平らな
    フラット フラットな 幾何学 明るい 明るく 暗い 濃い 薄い 鮮やか 鮮やかな 光る 輝く 真っ黒な
    真っ黒の 真っ赤な 真っ青な 真っ白な 真っ黒 真っ赤 真っ青 真っ白 黒 白 赤 青 緑 黄 紫 紺 灰 黄緑
    色 色した いろ カラー 丸い まるい 四角い 丸っこい 尖った 形 かたち 形の 図形 物体 オブジェクト
    もの 何か 一つ ひとつ 1つ 1個 一個 一 ある あります いる います いく いって いった いきます
    行く くる きて きた きます 来る ている ています ながら つつ し して する します した しながら
    しつつ している しています され れる なる なって なった なります なり なりながら なっていく 動く
    動いて 動き 動きます 動いた 動かす 動きながら うごく うごいて 進み 進んで 進みます 進む 移動
    移動する 移動し 移動して 移動します 上がり 上がって 上がります 上がっていく 上る 上って のぼる
    昇る 昇って 上昇 上昇して 上昇し 下がり 下がって 下がります 下りる 降りる 下降 下降する 下降して
    落ち 落ちて 落ちます 落下 落下する 落下して 沈む 沈んで 浮かぶ 浮かんで 浮く 跳ね 跳ねて
    跳ねます 跳ねた 跳ねながら はねる はねて 飛び跳ねる 飛び跳ねて 跳ぶ 飛ぶ 飛んで とぶ 弾み 弾んで
    弾みます はずむ ジャンプ ジャンプして 拡大 拡大し 拡大して 縮小 縮小する 縮小して 縮み 縮んで
    縮みます ちぢむ 膨らむ 膨らんで 広がる 成長する 回り 回って 回ります 回り続ける 回りながら
    まわる まわって 回転 回転し 回転して 回転します 自転 スピン スピンする スピンして 転がる
    転がって 滑る 滑って 流れる 流れて 通る 通り過ぎる 横切る 横切って 続ける 続けて 続け 消える
    現れる そして それから 同時に 一緒に 両方 どちらも 片方 もう一つ 隣 隣に となり 並んで 並ぶ 床
    床で 地面 高画質 高品質 最高品質 高解像度 綺麗 ベクター ミニマル 円を描く 円を描いて ない
    ではない じゃない でない 以外 なし なしで 無し ず よう ように ような 感じ この その あの ここ
    そこ どこ とき 間 間に 時間 最初 最後 始め 終わり 初め
    """),
    grounds=spellings("背景 バック バックグラウンド"),
    objects=spellings("図形 物体 オブジェクト もの 形"),
    pair=spellings("二つ ふたつ 2つ 2個 二個"),
    many=frozenset(number + unit for number in "3456789三四五六七八九" for unit in "つ個")
    | spellings("みっつ よっつ いつつ 10個 十個 たくさん いくつか いくつも 複数 多数 数個 大量"),
    denials=spellings("ではない じゃない でない ない 以外 なし なしで 無し"),
    # which follow, in Japanese
    places=spellings("で は が と も の中 の上 の下 の前 の横 の隣"),
    colors=spellings(
        "ピンク ピンク色 桃色 茶色 茶色い 茶 銀色 虹色 銅色 黄土色 透明な 透明 マゼンタ 縞模様 水玉"
    ),
    shapes={
        "ball": spellings("ボール サークル 円形 球体 まん丸 ドット"),
        "square": spellings("キューブ 立方体 ブロック 箱 スクエア"),
        "triangle": spellings("ピラミッド トライアングル"),
        "star": spellings("スター 星型 お星様"),
    },
)


def pieces(text: str, phrases: Set[str]) -> list[str]:
    """Return the text in phrases, and between them what none of them covers, in full words."""
    best: list[tuple[int, int, int]] = [(0, 0, 0)]  # left over, phrases, where the last one begins
    longest = max(map(len, phrases))
    for end in range(1, len(text) + 1):
        left, count, _ = best[end - 1]
        options = [(left + 1, count, end - 1)]
        for start in range(max(0, end - longest), end):
            if text[start:end] in phrases:
                options.append((best[start][0], best[start][1] + 1, start))
        best.append(min(options))
    cuts = [len(text)]
    while cuts[-1]:
        cuts.append(best[cuts[-1]][2])
    cuts.reverse()
    return _whole([text[start:end] for start, end in pairwise(cuts)], phrases)


def _whole(cut: list[str], phrases: Set[str]) -> list[str]:
    """Return the pieces with leftovers joined, and with what is no word of its own beside them."""
    known = [piece in phrases for piece in cut]
    foreign = [index for index, is_known in enumerate(known) if not is_known]
    for index in foreign:  # "人形" is a doll, not a person and a shape
        for beside in (index - 1, index + 1):
            if 0 <= beside < len(cut) and _are_all(_KANJI, cut[index], cut[beside]):
                known[beside] = False
    for index in reversed(foreign):  # "とり" is a bird, not "and ri"
        if index and _are_all(_KANA, cut[index], cut[index - 1]):
            known[index - 1] = False
    joined: list[str] = []
    for is_known, group in groupby(zip(known, cut, strict=True), key=lambda pair: pair[0]):
        words = [piece for _, piece in group]
        joined += words if is_known else ["".join(words)]
    return joined


def _are_all(letter: re.Pattern[str], *pieces: str) -> bool:
    """Return whether each piece is one such letter."""
    return all(map(letter.fullmatch, pieces))
