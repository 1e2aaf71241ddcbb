"""From a request to frames, in five named steps: encode_prompt, draw_noise, denoise, decode,
to_frames; and encode_image before the noise, where a clip begins from pictures (SDEdit).

Each step reports when it has done something; what is called may raise CancelledError, and so a
request stops between two steps. Knows no files and no queues. Latents and noise are float32 and
drawn on the CPU, so that a seed means the same GIF on every device.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor, nn

from generator.contract.errors import OutOfMemoryError, RequestError, is_out_of_memory
from generator.contract.messages import Request
from generator.contract.progress import ProgressCallback
from generator.inference import overflow
from generator.inference.latent_preview import PreviewCallback, predict_original_sample
from generator.inference.overflow import FiniteWatch, NotFiniteError, check_finite
from generator.media.clip import Frames
from generator.model.conditioning import Conditioning, StepRange
from generator.model.controlnet import ClipControl, combined_residuals
from generator.model.latents import LATENT_SCALE, scale_latents, unscale_latents, without_autocast
from generator.model.loading import HotshotModel
from generator.model.schedulers import add_noise, make_scheduler, scheduler_step

logger = logging.getLogger(__name__)

STAGES = ("encode_prompt", "encode_image", "draw_noise", "denoise", "decode", "to_frames")
# What allocators say of it, and oneDNN, which has nothing else to say.
AT_ONCE = 512 * 512  # pixels; bounds the VAE's memory, which grows with them


@dataclass(frozen=True, slots=True)
class HotshotPipeline:
    """Makes the frames of a request with one model.

    Between two requests nothing is held but what saves time: the LoRAs last applied stay, and the
    ControlNets last used stay loaded.
    """

    model: HotshotModel

    @torch.inference_mode()
    def __call__(
        self,
        request: Request,
        *,
        report: ProgressCallback,
        condition_images: Sequence[Frames] = (),
        init_image: Frames | None = None,
        preview_callback: PreviewCallback | None = None,
    ) -> Frames:
        """Return frames (f, h, w, 3) uint8, the same for the same request and images.

        ``condition_images`` are what each of ``request.controls`` is shown, in their order: as
        annotated, (f, h, w, 3) of the clip's own size. ``init_image`` is what ``request.image``
        shows, a frame for each or one for all. ``preview_callback`` sees what the clip is going to
        be. What overflows in half precision is made once more in float32. Raises OutOfMemoryError,
        RequestError and ModelError (also where numbers overflow all the same), and whatever
        ``report`` raises.
        """

        def latents_by(pipeline: HotshotPipeline) -> Tensor:
            return pipeline.latents(
                request,
                report=report,
                condition_images=condition_images,
                init_image=init_image,
                preview_callback=preview_callback,
            )

        with memory_errors(request), self._offloaded_after():
            latents = self._finite(request, latents_by, lambda: self.model.all_networks)
            decoded = self._finite(
                request,
                lambda pipeline: pipeline.decode(latents, report),
                lambda: [self.model.vae],
            )
            return self.to_frames(decoded, report)

    def _finite(
        self,
        request: Request,
        make: Callable[[HotshotPipeline], Tensor],
        networks_used: Callable[[], Sequence[nn.Module]],
    ) -> Tensor:
        """Return what ``make`` makes, once more in float32 where half precision overflows."""
        try:
            return make(self)
        except NotFiniteError as error:
            overflow.check_weights(self.model)
            networks = networks_used()
            if not overflow.has_half_precision(networks):
                raise overflow.overflow_error(self.model, request, self.model.dtype) from error
        logger.warning("Numbers overflowed in half precision; computing once more in f32.")
        try:
            with overflow.upcast(self.model, networks) as model:
                return make(HotshotPipeline(model))
        except NotFiniteError as error:
            raise overflow.overflow_error(self.model, request, torch.float32) from error
        except (MemoryError, OSError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            raise overflow.no_memory_for_float32(self.model, request) from error

    @torch.inference_mode()
    def latents(
        self,
        request: Request,
        *,
        report: ProgressCallback,
        condition_images: Sequence[Frames] = (),
        init_image: Frames | None = None,
        preview_callback: PreviewCallback | None = None,
    ) -> Tensor:
        """Return the final latents (1, 4, f, h/8, w/8), float32, before they are decoded.

        Raises ModelError for a LoRA or ControlNet that can't be used, NotFiniteError where numbers
        overflow.
        """
        self.model.offload()
        self.model.loras.apply(request.loras)
        controls = self.model.controlnets.prepare(request, condition_images)
        generator = torch.Generator().manual_seed(request.seed)
        conditioning = self.encode_prompt(request, report)
        self.model.offload()
        init_latents = self.encode_image(request, init_image, report)
        self.model.offload()
        noise = self.draw_noise(request, generator, report)
        latents = self.denoise(
            request,
            conditioning,
            noise,
            generator,
            report,
            init_latents=init_latents,
            controls=controls,
            preview_callback=preview_callback,
        )
        self.model.offload()
        return latents

    @contextmanager
    def _offloaded_after(self) -> Iterator[None]:
        try:
            yield
        finally:
            self.model.offload()

    def encode_prompt(self, request: Request, report: ProgressCallback) -> Conditioning:
        """Encode text and sizes, once for each clip of the batch that the UNet will see."""
        text, device = self.model.text, self.model.device
        if request.guidance_scale > 1:
            encoded = text.encode_guided(request.prompt, request.negative_prompt)
        else:
            encoded = text.encode([request.prompt])
        sizes = (*request.original_size, 0, 0, *request.target_size)
        time_ids = torch.tensor([sizes], dtype=torch.float32, device=device)
        report("encode_prompt", 1, 1)
        return Conditioning(encoded, time_ids.expand(encoded.pooled.shape[0], -1))

    def encode_image(
        self, request: Request, init_image: Frames | None, report: ProgressCallback
    ) -> Tensor | None:
        """Encode what the clip begins from to clean latents (1, 4, 1 or f, h/8, w/8).

        Returns None where it begins from noise. A VAE that draws its latents gives their mean: the
        noise to come is drawn from the seed.
        """
        _check_init_image(request, init_image)
        if init_image is None:
            return None
        vae = self.model.vae
        levels = rearrange(torch.from_numpy(init_image), "f h w c -> f c h w").to(self.model.device)
        chunks = torch.split(levels, self._at_once(init_image.shape[1] * init_image.shape[2]))
        encoded: list[Tensor] = []
        for step, chunk in enumerate(chunks, start=1):
            given = vae.encode((chunk.float() / 127.5 - 1).to(vae.dtype))
            drawn = hasattr(given, "latent_dist")
            encoded.append((given.latent_dist.mode() if drawn else given.latents).float())
            check_finite(encoded[-1])
            report("encode_image", step, len(chunks))
        return rearrange(scale_latents(torch.cat(encoded), vae.config), "f c h w -> 1 c f h w")

    def draw_noise(
        self, request: Request, generator: torch.Generator, report: ProgressCallback
    ) -> Tensor:
        """Return the first noise, of variance one, in the layout that the original drew it in."""
        shape = (
            1,
            self.model.unet.config.in_channels,
            request.video_length,
            request.height // LATENT_SCALE,
            request.width // LATENT_SCALE,
        )
        noise = torch.randn(shape, generator=generator).to(self.model.device)
        report("draw_noise", 1, 1)
        return noise

    def denoise(
        self,
        request: Request,
        conditioning: Conditioning,
        noise: Tensor,
        generator: torch.Generator,
        report: ProgressCallback,
        *,
        init_latents: Tensor | None = None,
        controls: Sequence[ClipControl] = (),
        preview_callback: PreviewCallback | None = None,
    ) -> Tensor:
        """Walk the noise back to latents; ancestral steps draw more from the same generator.

        From ``init_latents``, clean latents, only the end of the way is left to go.
        """
        scheduler = make_scheduler(request.scheduler, self.model.scheduler_config, request.steps)
        guidance = StepRange(request.guidance_start, request.guidance_end)
        steps, watch = request.steps_made, FiniteWatch()
        latents: Tensor = noise * scheduler.init_noise_sigma
        if init_latents is not None:
            latents = add_noise(scheduler, init_latents.expand_as(noise), noise, steps)
        for step, timestep in enumerate(scheduler.timesteps[-steps:]):
            step_conditioning = (
                conditioning if guidance.covers(step, steps) else conditioning.conditional
            )
            model_input = scheduler.scale_model_input(latents, timestep)
            active = [one for one in controls if one.active_steps.covers(step, steps)]
            predicted = self.predict(request, step_conditioning, active, model_input, timestep)
            if preview_callback is not None:
                preview_callback(
                    predict_original_sample(scheduler, model_input, predicted, timestep),
                    step + 1,
                    steps,
                )
            latents = scheduler_step(scheduler, predicted, timestep, latents, generator)
            watch.note(predicted, latents)
            report("denoise", step + 1, steps)
        watch.finish()
        return latents

    def predict(
        self,
        request: Request,
        conditioning: Conditioning,
        controls: Sequence[ClipControl],
        model_input: Tensor,
        timestep: Tensor,
    ) -> Tensor:
        """Return what the UNet says of one clip, guided away from the negative prompt; float32."""
        batch_size = conditioning.time_ids.shape[0]
        batch = model_input.expand(batch_size, -1, -1, -1, -1).to(self.model.dtype)
        predicted: Tensor = self.model.unet(
            batch,
            timestep,
            conditioning.text.hidden,
            added_cond_kwargs=conditioning.added_cond_kwargs,
            return_dict=False,
            **combined_residuals(controls, batch, timestep, conditioning),
        )[0].float()
        if not conditioning.is_guided:
            return predicted
        unconditional, conditional = predicted.chunk(2)
        guided = unconditional + request.guidance_scale * (conditional - unconditional)
        return _rescaled(guided, conditional, request.guidance_rescale)

    def decode(self, latents: Tensor, report: ProgressCallback) -> Tensor:
        """Decode latents (1, 4, f, h/8, w/8) to pictures (f, 3, h, w), nominally from -1 to 1.

        Raises NotFiniteError where the VAE overflows.
        """
        vae = self.model.vae
        frames = rearrange(unscale_latents(latents, vae.config), "1 c f h w -> f c h w")
        pixels = frames.shape[-1] * frames.shape[-2] * LATENT_SCALE**2
        chunks = torch.split(frames, self._at_once(pixels))
        pictures: list[Tensor] = []
        for step, chunk in enumerate(chunks, start=1):
            with without_autocast(chunk.device):
                pictures.append(vae.decode(chunk.to(vae.dtype), return_dict=False)[0])
            check_finite(pictures[-1])
            report("decode", step, len(chunks))
        return torch.cat(pictures)

    def to_frames(self, pictures: Tensor, report: ProgressCallback) -> Frames:
        """Turn (f, 3, h, w) from -1 to 1 into frames (f, h, w, 3) from 0 to 255, rounded."""
        levels = ((pictures.float() / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8)
        frames: Frames = rearrange(levels, "f c h w -> f h w c").cpu().contiguous().numpy()
        report("to_frames", 1, 1)
        return frames

    def _at_once(self, pixels: int) -> int:
        """Return how many pictures of so many pixels the VAE is given together."""
        return 1 if self.model.offloader.low_vram else max(1, AT_ONCE // pixels)


@contextmanager
def memory_errors(request: Request) -> Iterator[None]:
    """Turn a device's own words for "no room" into OutOfMemoryError, and free what it can."""
    try:
        yield
    except (MemoryError, OSError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        raise OutOfMemoryError(
            "There isn't enough memory for {frames} frames of {width} x {height}; ask for a "
            "smaller size or fewer frames.",
            frames=request.video_length,
            width=request.width,
            height=request.height,
        ) from error


def _check_init_image(request: Request, init_image: Frames | None) -> None:
    if (init_image is None) != (not request.image):
        raise RequestError("The image and what it shows belong together; give both, or neither.")
    whole = (request.video_length, request.height, request.width, 3)
    if init_image is not None and init_image.shape not in (whole, (1, *whole[1:])):
        raise RequestError(
            "The image's frames are {shape} where the clip is {wanted}; resize them to match.",
            shape=init_image.shape,
            wanted=whole,
        )


def _rescaled(guided: Tensor, conditional: Tensor, amount: float) -> Tensor:
    """Give a guided prediction some of its unguided spread back (Lin et al. 2023, 3.4)."""
    if amount == 0:
        return guided
    factor = conditional.std() / guided.std()
    return guided * (amount * factor + (1 - amount))
