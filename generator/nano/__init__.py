"""nano: a small Hotshot-XL that ships with the package: its weights, and the world it knows.

The weights are loaded as any model directory's are, by ``generator.model``, which imports nothing
from here. The modules tell what can be known without a model: ``world`` names and draws what nano
can show, ``captions`` and ``languages`` say it in words, and ``unknown_words`` finds in a prompt
what lies outside, for ``generator.cli.gif``, by the words of ``vocabulary`` (``everyday_words`` has
those that captions don't have, and ``japanese`` cuts what has no spaces). ``prompt_attributes`` and
``measure`` read back what a prompt asks for and what a clip shows, for ``bot.demo`` and for nano's
evaluation. Nobody else imports them; what trains and evaluates nano is in ``tools.nano``, which no
module of the package imports.
"""
