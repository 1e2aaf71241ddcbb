"""What Hotshot costs at full size on a graphics card, without the published weights.

On the machine with the card, from the project's root, in its environment::

    python -m benchmarks.gpu.make_model /tmp/full                  # 7 GB, of random weights
    python -m benchmarks.gpu.step /tmp/full --variant hotshot      # one guided UNet step
    python -m benchmarks.gpu.gif /tmp/full --case warm --case long # whole GIFs, stage by stage

    python -m benchmarks.gpu.table /tmp/full                       # all of these, one by one

Each prints a line of JSON for each thing it measured. ``--size mini`` makes a model of a few MB in
the same layout, with which the same commands can be tried on a CPU; its figures mean nothing.
What came of it is in docs/gpu.md.
"""
