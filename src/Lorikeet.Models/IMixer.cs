using Lorikeet.Tensors;

namespace Lorikeet.Models;

/// <summary>How much a part of a model remembers of a sequence.</summary>
/// <param name="PageFloats">Floats for each page of <see cref="SequenceState.PageTokens"/> positions; 0: nothing grows with the sequence.</param>
/// <param name="FixedFloats">Floats for each sequence, zero at its start: recurrent state.</param>
/// <param name="Window">Positions that a row reads, its own included: pages before them are not kept; 0: all.</param>
public readonly record struct StateSpec(int PageFloats, int FixedFloats, int Window = 0);

/// <summary>The part of a block in which tokens see one another: attention, or what takes its place.</summary>
public interface IMixer
{
    /// <summary>What it remembers of a sequence.</summary>
    StateSpec State { get; }

    /// <summary>Its own trained parameters, beside those of sites.</summary>
    IReadOnlyList<Parameter> Parameters => [];

    /// <summary>The projection that reads the normed rows as they are, and is the first to read them; or null. Who norms them may prepare them for it.</summary>
    Projection? Entry => null;

    /// <summary>Mixes tokens within each sequence of the run.</summary>
    /// <param name="run">The run; <see cref="ModelRun.Rows"/> tells sequences, positions and states.</param>
    /// <param name="slot">Which slot of the sequences' states is this mixer's.</param>
    /// <param name="x">[rows, hidden], normed.</param>
    /// <param name="residual">[rows, hidden], added to the answer, at best while it is made (<see cref="Following"/>); or default.</param>
    /// <returns>[rows, hidden].</returns>
    Tensor Forward(ModelRun run, int slot, in Tensor x, in Tensor residual);
}

/// <summary>The part of a block in which each token is worked on alone.</summary>
public interface IFeedForward
{
    /// <summary>The projection that reads the normed rows as they are, and is the first to read them; or null. Who norms them may prepare them for it.</summary>
    Projection? Entry => null;

    /// <summary>Works on each row.</summary>
    /// <param name="run">The run.</param>
    /// <param name="x">[rows, hidden], normed.</param>
    /// <param name="residual">[rows, hidden], added to the answer, at best while it is made (<see cref="Following"/>); or default.</param>
    /// <returns>[rows, hidden].</returns>
    Tensor Forward(ModelRun run, in Tensor x, in Tensor residual);
}

/// <summary>A network beside the model that observes each block's output and answers at the end.</summary>
public interface ISideNetwork
{
    /// <summary>What it remembers of a sequence.</summary>
    StateSpec State { get; }

    /// <summary>Its trained parameters.</summary>
    IReadOnlyList<Parameter> Parameters { get; }

    /// <summary>Called before the first block and after each.</summary>
    /// <remarks>
    /// What the network carries from block to block goes through here and not through fields: one network may serve several segments of a batch.
    /// </remarks>
    /// <param name="run">The run, narrowed to the rows of this network's adapter.</param>
    /// <param name="layer">-1 for the embedding's output, else the block.</param>
    /// <param name="h">[rows, hidden].</param>
    /// <param name="carried">What the call for the block before returned; default in the first.</param>
    /// <returns>What the next call receives.</returns>
    Tensor Observe(ModelRun run, int layer, in Tensor h, in Tensor carried);

    /// <summary>What goes on in place of the last block's output.</summary>
    /// <param name="run">The run, narrowed.</param>
    /// <param name="last">[rows, hidden].</param>
    /// <param name="carried">What the last <see cref="Observe"/> returned.</param>
    Tensor Finish(ModelRun run, in Tensor last, in Tensor carried);
}
