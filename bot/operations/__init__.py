"""What whoever runs the bot does with it while it runs.

``Operations.run`` is the one way in, for ``/owner`` in Discord and for ``hotshot-bot owner`` in a
shell: a name and values that are checked, an outcome for programs and for people. Knows no Discord.
"""
